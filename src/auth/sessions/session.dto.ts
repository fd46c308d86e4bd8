import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, Length } from 'class-validator';
import { IsId } from '../../http/validation/is-id.js';
import { MAX_EMAIL_LENGTH } from '../users/user.dto.js';
import { MAX_PASSWORD_LENGTH } from '../passwords/new-password.js';

export const SIGN_IN_EXAMPLES = {
  password: { summary: 'With a password', value: { email: 'ada@example.org', password: 'correct horse battery' } },
};

export class SignInDto {
  @ApiProperty({ example: 'ada@example.org', description: 'Upper and lower case are the same.' })
  @IsString()
  @Length(1, MAX_EMAIL_LENGTH)
  email: string;

  @ApiProperty({ format: 'password', description: "The user's password." })
  @IsString()
  @Length(1, MAX_PASSWORD_LENGTH)
  password: string;
}

export class ListSessionsQuery {
  @ApiProperty({
    required: false,
    format: 'uuid',
    description: "Another user's sessions, for administrators; one's own by default.",
  })
  @IsOptional()
  @IsId()
  userId?: string;
}

export class SessionDto {
  @ApiProperty() id: string;
  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'null for that of a token.' })
  userId: string | null;
  @ApiProperty({ description: 'Where it was signed in from.' }) address: string;
  @ApiProperty({ description: 'As the browser calls itself.' }) userAgent: string;
  @ApiProperty({ description: 'Whether the request came by this session.' }) current: boolean;
  @ApiProperty({ format: 'date-time' }) createdAt: string;
  @ApiProperty({ format: 'date-time', description: 'To within half a minute.' }) lastUsedAt: string;
  @ApiProperty({
    format: 'date-time',
    description: 'When it ends, whatever its use: when its API key expires, at the latest.',
  })
  expiresAt: string;
}

export class OwnSessionDto extends SessionDto {
  @ApiProperty({ description: 'Sent as X-CSRF-Token with every request that changes something.' }) csrfToken: string;
}

export class SessionListDto {
  @ApiProperty({ type: [SessionDto] }) items: SessionDto[];
}
