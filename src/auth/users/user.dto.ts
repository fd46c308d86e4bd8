import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsEmail, IsIn } from 'class-validator';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';
import { USER_ROLES, type UserRole } from '../../persistence/types.js';
import { IsDisplayName } from '../../http/validation/display-name.js';

export const MAX_EMAIL_LENGTH = 254;
export const MAX_USER_NAME_LENGTH = 100;
const STATUSES = ['invited', 'active', 'disabled'] as const;
export type UserStatus = (typeof STATUSES)[number];

export const CREATE_USER_EXAMPLES = {
  user: { summary: 'Who works in projects', value: { email: 'ada@example.org', name: 'Ada Lovelace' } },
  admin: { summary: 'Who may do everything', value: { email: 'ops@example.org', name: 'Operations', role: 'admin' } },
};

export const UPDATE_USER_EXAMPLES = {
  disable: { summary: 'Lock out; sessions, keys and connections end', value: { disabled: true } },
  admin: { summary: 'Make an administrator', value: { role: 'admin' } },
};

export class CreateUserDto {
  @ApiProperty({ example: 'ada@example.org', description: 'Unique. Upper and lower case are the same.' })
  @IsEmail()
  @IsDisplayName(MAX_EMAIL_LENGTH)
  email: string;

  @ApiProperty({ example: 'Ada Lovelace', description: 'As others see it.' })
  @IsDisplayName(MAX_USER_NAME_LENGTH)
  name: string;

  @ApiProperty({
    required: false,
    enum: USER_ROLES,
    default: 'user',
    description: 'user does what its roles in projects allow; admin everything.',
  })
  @IsIn(USER_ROLES)
  role: UserRole = 'user';
}

export class UpdateUserDto {
  @ApiProperty({ required: false, example: 'ada@example.org', description: 'As on creation.' })
  @MayBeAbsent()
  @IsEmail()
  @IsDisplayName(MAX_EMAIL_LENGTH)
  email?: string;

  @ApiProperty({ required: false, example: 'Ada Lovelace', description: 'As others see it.' })
  @MayBeAbsent()
  @IsDisplayName(MAX_USER_NAME_LENGTH)
  name?: string;

  @ApiProperty({ required: false, enum: USER_ROLES, description: 'Not of oneself.' })
  @MayBeAbsent()
  @IsIn(USER_ROLES)
  role?: UserRole;

  @ApiProperty({ required: false, description: 'Whether the user is locked out. Not oneself.' })
  @MayBeAbsent()
  @IsBoolean()
  disabled?: boolean;
}

export class UserDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty() email: string;
  @ApiProperty() name: string;
  @ApiProperty({ enum: USER_ROLES }) role: UserRole;
  @ApiProperty({ enum: STATUSES, description: 'invited: has neither a password nor signed in yet.' })
  status: UserStatus;
  @ApiProperty() disabled: boolean;
  @ApiProperty({ format: 'date-time' }) createdAt: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) lastSignInAt: string | null;
}

export class UserListDto {
  @ApiProperty({ type: [UserDto] }) items: UserDto[];
}

export class InvitationDto {
  @ApiProperty({ description: 'Where the user sets a password, once. It is shown this once.' })
  invitationUrl: string;
  @ApiProperty({ format: 'date-time' }) expiresAt: string;
}

export class InvitedUserDto extends InvitationDto {
  @ApiProperty({ type: UserDto }) user: UserDto;
}
