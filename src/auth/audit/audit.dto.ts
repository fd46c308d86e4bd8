import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, Matches, MaxLength } from 'class-validator';
import { IsTimestamp } from '../../http/validation/is-timestamp.js';
import { PageCursor, PageLimit } from '../../http/validation/page-query.js';
import { IsPlainText } from '../../http/validation/plain-text.js';
import { IsProjectId } from '../is-project-id.js';
import { AUDIT_OUTCOMES, type AuditDetails, type AuditOutcome } from '../../persistence/types.js';

const MAX_NAME_LENGTH = 320;

export class AuditQueryDto {
  @ApiProperty({ required: false, format: 'uuid', description: 'Only events of this project.' })
  @IsOptional()
  @IsProjectId()
  projectId?: string;

  @ApiProperty({ required: false, maxLength: MAX_NAME_LENGTH, description: 'Only what this one did: id or name.' })
  @IsOptional()
  @IsPlainText()
  @MaxLength(MAX_NAME_LENGTH)
  actor?: string;

  @ApiProperty({
    required: false,
    maxLength: 64,
    pattern: '^[a-z_]+(\\.[a-z_]+)?$',
    description: 'Only this action, such as container.create, or all of a kind, such as container.',
  })
  @IsOptional()
  @Matches(/^[a-z_]+(\.[a-z_]+)?$/)
  @MaxLength(64)
  action?: string;

  @ApiProperty({ required: false, maxLength: MAX_NAME_LENGTH, description: 'Only what was done to this: id or name.' })
  @IsOptional()
  @IsPlainText()
  @MaxLength(MAX_NAME_LENGTH)
  target?: string;

  @ApiProperty({ required: false, enum: AUDIT_OUTCOMES, description: 'Only events of this outcome.' })
  @IsOptional()
  @IsIn(AUDIT_OUTCOMES)
  outcome?: AuditOutcome;

  @ApiProperty({ required: false, format: 'date-time', description: 'Only events from then on (RFC 3339).' })
  @IsOptional()
  @IsTimestamp()
  since?: string;

  @ApiProperty({ required: false, format: 'date-time', description: 'Only events before then (RFC 3339).' })
  @IsOptional()
  @IsTimestamp()
  until?: string;

  @PageLimit('Events of one page. Newline-delimited JSON has no pages: it is all of them.')
  limit = 100;

  @PageCursor()
  cursor?: string;

  @ApiProperty({ required: false, enum: ['json', 'ndjson'], description: 'Instead of the header Accept.' })
  @IsOptional()
  @IsIn(['json', 'ndjson'])
  format?: 'json' | 'ndjson';
}

export class AuditActorDto {
  @ApiProperty({ enum: ['administrator', 'user', 'service', 'server'] }) kind: string;
  @ApiProperty() id: string;
  @ApiProperty({ description: 'As it was called then.' }) name: string;
}

export class AuditCredentialDto {
  @ApiProperty({ enum: ['admin_token', 'api_key', 'session', 'invitation', 'oidc'] }) kind: string;
  @ApiProperty({ type: String, nullable: true, description: 'Of the API key or the session; the issuer for `oidc`.' })
  id: string | null;
}

export class AuditTargetDto {
  @ApiProperty({ description: 'Such as container, instruction, project, user, api_key, credential or session.' })
  kind: string;
  @ApiProperty({ type: String, nullable: true }) id: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'As it was called then; of a user, the email.' })
  name: string | null;
}

export class AuditEventDto {
  @ApiProperty({ type: 'integer', description: 'Grows with each event; it has gaps.' }) id: number;
  @ApiProperty({ format: 'date-time' }) at: string;
  @ApiProperty({ type: AuditActorDto, nullable: true, description: 'null for somebody who was not authenticated.' })
  actor: AuditActorDto | null;
  @ApiProperty({ type: AuditCredentialDto, nullable: true, description: 'What the actor was known by.' })
  credential: AuditCredentialDto | null;
  @ApiProperty({ type: String, nullable: true, description: 'IP address of the client.' }) address: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'X-Request-Id, or the id of the socket.' })
  requestId: string | null;
  @ApiProperty({ example: 'container.create' }) action: string;
  @ApiProperty({ type: AuditTargetDto }) target: AuditTargetDto;
  @ApiProperty({ type: String, format: 'uuid', nullable: true }) projectId: string | null;
  @ApiProperty({ enum: AUDIT_OUTCOMES }) outcome: AuditOutcome;
  @ApiProperty({ type: String, nullable: true, description: 'Code of the error of what was refused.' })
  code: string | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'More about some actions, such as the role of a new member.',
  })
  details: AuditDetails | null;
}

export class AuditEventPageDto {
  @ApiProperty({ type: [AuditEventDto] }) items: AuditEventDto[];
  @ApiProperty({ type: String, nullable: true }) nextCursor: string | null;
}
