import { ApiProperty } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { NewPassword } from '../passwords/new-password.js';

const MAX_TOKEN_LENGTH = 100;

export const ACCEPT_INVITATION_EXAMPLES = {
  accept: {
    summary: 'With what follows # in the link',
    value: { token: 'tHisIsWhatFollowsTheNumberSignInTheLink1234', password: 'correct horse battery' },
  },
};

export class AcceptInvitationDto {
  @ApiProperty({ description: 'What follows `#` in the invitation link.' })
  @IsString()
  @Length(1, MAX_TOKEN_LENGTH)
  token: string;

  @NewPassword()
  password: string;
}

export class AcceptedInvitationDto {
  @ApiProperty({ description: 'What the user signs in with, besides the password.' }) email: string;
}
