import { ApiProperty } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';

const MAX_SECRET_LENGTH = 100;
const MAX_TOKEN_LENGTH = 1_000;

export const TOKEN_EXAMPLES = {
  token: { summary: 'With an API key or the administrator token', value: { token: 'dfk_…' } },
};

export const LINK_EXAMPLES = {
  link: {
    summary: 'With what follows # in the link',
    value: { secret: 'tHisIsWhatFollowsTheNumberSignInTheLink1234' },
  },
};

export class SessionByTokenDto {
  @ApiProperty({ format: 'password', description: 'The administrator token, or an API key.' })
  @IsString()
  @Length(1, MAX_TOKEN_LENGTH)
  token: string;
}

export class SessionByLinkDto {
  @ApiProperty({ description: 'What follows `#` in the link.' })
  @IsString()
  @Length(1, MAX_SECRET_LENGTH)
  secret: string;
}

export class SessionLinkDto {
  @ApiProperty({ description: 'Signs one browser in as the caller, once.' }) url: string;
  @ApiProperty({ format: 'date-time' }) expiresAt: string;
}

class SignInProviderDto {
  @ApiProperty({ description: 'For people.' }) name: string;
  @ApiProperty({ description: 'Where to send the browser; `returnTo` may be added.' }) url: string;
}

export class SignInOptionsDto {
  @ApiProperty({ description: 'Whether a browser can be signed in at the host of the request.' }) available: boolean;
  @ApiProperty({ description: 'Where browsers are signed in.' }) url: string;
  @ApiProperty({
    description: 'Whether they can be signed in there: only where VS Code has origins of its own.',
  })
  enabled: boolean;
  @ApiProperty({
    type: SignInProviderDto,
    nullable: true,
    description: 'The OpenID provider; null when there is none.',
  })
  provider: SignInProviderDto | null;
}
