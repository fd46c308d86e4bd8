import { ApiProperty } from '@nestjs/swagger';
import { INSTRUCTION_STATUSES, type InstructionStatus, type StatusReason } from '../../../persistence/types.js';

const nullable = { nullable: true } as const;
const moment = { type: String, format: 'date-time' } as const;

/** Something the agent may do only when it is allowed. */
export class PermissionDto {
  @ApiProperty({ description: 'To be answered with POST …/permissions/:requestId.' }) requestId: string;
  @ApiProperty({ example: 'Bash' }) toolName: string;
  @ApiProperty({ type: Object, additionalProperties: true, description: 'What the tool would be given.' })
  input: unknown;
  @ApiProperty(moment) askedAt: string;
}

class DiffSummaryDto {
  @ApiProperty() bytes: number;
  @ApiProperty({ description: 'It was too large, and ends with the last file that fitted.' }) truncated: boolean;
}

/** One prompt for Claude Code, and what came of it. */
export class InstructionDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid' }) containerId: string;
  @ApiProperty() prompt: string;
  @ApiProperty({ enum: INSTRUCTION_STATUSES }) status: InstructionStatus;
  @ApiProperty({
    type: 'object',
    properties: { code: { type: 'string' }, message: { type: 'string' } },
    nullable: true,
  })
  statusReason: StatusReason | null;
  @ApiProperty({ type: String, ...nullable, description: 'To go on with, in a further instruction.' }) sessionId:
    string | null;
  @ApiProperty({ type: String, ...nullable, description: 'Its last words.' }) result: string | null;
  @ApiProperty({ type: Number, ...nullable }) costUsd: number | null;
  @ApiProperty({ type: Number, ...nullable }) turns: number | null;
  @ApiProperty({ type: 'object', additionalProperties: true, ...nullable, description: 'As Claude Code counts it.' })
  usage: Record<string, unknown> | null;
  @ApiProperty({ type: [PermissionDto], description: 'What it waits to be allowed, at this moment.' })
  permissions: PermissionDto[];
  @ApiProperty({ type: DiffSummaryDto, ...nullable, description: 'null until it is over.' })
  diff: DiffSummaryDto | null;
  @ApiProperty(moment) createdAt: string;
  @ApiProperty({ ...moment, ...nullable }) startedAt: string | null;
  @ApiProperty({ ...moment, ...nullable }) finishedAt: string | null;
  @ApiProperty({ description: 'Events so far.' }) lastSeq: number;
}

export class InstructionPageDto {
  @ApiProperty({ type: [InstructionDto] }) items: InstructionDto[];
  @ApiProperty({ type: String, ...nullable, description: 'To be sent as cursor for the next page.' }) nextCursor:
    string | null;
}
