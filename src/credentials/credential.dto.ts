import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsString, Length, MaxLength } from 'class-validator';
import { IsProjectId } from '../auth/is-project-id.js';
import { MayBeAbsent } from '../http/validation/may-be-absent.js';
import { IsPlainText } from '../http/validation/plain-text.js';
import { CREDENTIAL_KINDS, type CredentialKind } from '../persistence/types.js';
import { IsDisplayName } from '../http/validation/display-name.js';

const MAX_VALUE_LENGTH = 65_536;
const MAX_HOST_LENGTH = 260;

export const CREATE_CREDENTIAL_EXAMPLES = {
  model: {
    summary: 'A key for Claude Code',
    value: { name: 'team key', kind: 'anthropic_api_key', value: 'sk-ant-api03-EXAMPLE' },
  },
  git: {
    summary: 'A token for repositories over HTTPS',
    value: { name: 'forge', kind: 'git_https_token', host: 'git.example.org', value: 'EXAMPLE-TOKEN' },
  },
  http: {
    summary: 'A header for another host',
    value: { name: 'issues', kind: 'http_header', host: 'api.example.org', header: 'X-Api-Key', value: 'EXAMPLE-KEY' },
  },
};

export class CreateCredentialDto {
  @ApiProperty({ minLength: 1, maxLength: 100, example: 'deploy key', description: 'What it is for.' })
  @IsDisplayName(100)
  name: string;

  @ApiProperty({
    enum: CREDENTIAL_KINDS,
    description:
      'anthropic_api_key and claude_oauth_token are for Claude Code, git_https_token for repositories over HTTPS, ssh_key for repositories over SSH, http_header for any other host.',
  })
  @IsIn(CREDENTIAL_KINDS)
  kind: CredentialKind;

  @ApiProperty({
    minLength: 1,
    maxLength: MAX_VALUE_LENGTH,
    writeOnly: true,
    description: 'The secret, which nobody is shown again. An SSH key is a private key in PEM, without a passphrase.',
  })
  @IsString()
  @Length(1, MAX_VALUE_LENGTH)
  value: string;

  @ApiProperty({
    required: false,
    maxLength: MAX_HOST_LENGTH,
    example: 'git.example.org',
    description:
      'The only host that it is sent to, with a port unless that is 443 (22 with ssh_key). Required with git_https_token and http_header.',
  })
  @MayBeAbsent()
  @IsPlainText()
  @MaxLength(MAX_HOST_LENGTH)
  host?: string;

  @ApiProperty({
    required: false,
    maxLength: 256,
    description: 'With git_https_token; x-access-token by default, since forges take any name with a token.',
  })
  @MayBeAbsent()
  @IsPlainText()
  @Length(1, 256)
  username?: string;

  @ApiProperty({
    required: false,
    maxLength: 128,
    description: 'With http_header: the header that has the value; Authorization by default.',
  })
  @MayBeAbsent()
  @IsPlainText()
  @Length(1, 128)
  header?: string;

  @ApiProperty({
    required: false,
    format: 'uuid',
    description:
      'The project whose containers may use it, by its id (not its name). Without one, that of a user is for containers that this user creates; that of anybody else belongs to the only project of the caller, or to "default".',
  })
  @MayBeAbsent()
  @IsProjectId()
  projectId?: string;
}

export class ListCredentialsQuery {
  @ApiProperty({ required: false, format: 'uuid', description: 'Only the credentials of this project.' })
  @MayBeAbsent()
  @IsProjectId()
  projectId?: string;
}

/** A credential without its value, which the server never returns. */
export class CredentialDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty() name: string;
  @ApiProperty({ enum: CREDENTIAL_KINDS }) kind: CredentialKind;
  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'null for that of a user.' })
  projectId: string | null;
  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'null for that of a project.' })
  userId: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'The only host that it is sent to.' }) host: string | null;
  @ApiProperty({ type: String, nullable: true }) username: string | null;
  @ApiProperty({ type: String, nullable: true }) header: string | null;
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Of an SSH key in the format of OpenSSH, as ssh-keygen -l shows it.',
  })
  fingerprint: string | null;
  @ApiProperty({ description: 'Who made it: the id of a user, "key:" and the id of a key of a project, or "admin".' })
  createdBy: string;
  @ApiProperty({ format: 'date-time' }) createdAt: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) lastUsedAt: string | null;
}

export class CredentialListDto {
  @ApiProperty({ type: [CredentialDto] }) items: CredentialDto[];
}
