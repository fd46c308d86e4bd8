import { ApiProperty } from '@nestjs/swagger';
import { INSTRUCTION_STATUSES, type InstructionStatus, type StatusReason } from '../../../persistence/types.js';

const nullable = { nullable: true } as const;
const dateTime = { type: String, format: 'date-time' } as const;

/** A permission request of the agent. */
export class PermissionDto {
  @ApiProperty({ description: 'Answer it with POST …/permissions/:requestId.' }) requestId: string;
  @ApiProperty({ example: 'Bash' }) toolName: string;
  @ApiProperty({ type: Object, additionalProperties: true, description: 'The input of the tool.' })
  input: unknown;
  @ApiProperty(dateTime) askedAt: string;
}

class DiffSummaryDto {
  @ApiProperty() bytes: number;
  @ApiProperty({ description: 'Whether the patch was too large, and ends with the last file that fitted.' })
  truncated: boolean;
  @ApiProperty({ type: Number, ...nullable, description: 'Changed files; null for instructions of earlier releases.' })
  files: number | null;
  @ApiProperty({ type: Number, ...nullable, description: 'Lines, of a truncated patch those that it has.' })
  insertions: number | null;
  @ApiProperty({ type: Number, ...nullable }) deletions: number | null;
}

/** One prompt for Claude Code, with its progress and result. */
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
  @ApiProperty({ type: String, ...nullable, description: 'The session, which another instruction can continue.' })
  sessionId: string | null;
  @ApiProperty({ type: String, ...nullable, description: 'The final answer.' }) result: string | null;
  @ApiProperty({
    type: Number,
    ...nullable,
    description: 'So far, or in all. null while nothing was used, or when the price of a model is not known.',
  })
  costUsd: number | null;
  @ApiProperty({
    description:
      'Whether costUsd is computed from list prices: while the instruction runs, or when it ended before Claude Code reported the cost.',
  })
  costEstimated: boolean;
  @ApiProperty({ type: Number, ...nullable, description: 'So far, or in all.' }) turns: number | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    ...nullable,
    description:
      'Token usage as Claude Code reports it, so far or in all. It prints messages before it knows their output tokens, which are too low until the end.',
  })
  usage: Record<string, unknown> | null;
  @ApiProperty({ type: Number, ...nullable, description: 'US dollars after which the gateway refuses it answers.' })
  budgetUsd: number | null;
  @ApiProperty({ type: Number, ...nullable, description: 'Seconds after which it times out.' })
  timeoutSeconds: number | null;
  @ApiProperty({ type: [PermissionDto], description: 'The permission requests that are open.' })
  permissions: PermissionDto[];
  @ApiProperty({ type: DiffSummaryDto, ...nullable, description: 'null until the instruction has ended.' })
  diff: DiffSummaryDto | null;
  @ApiProperty(dateTime) createdAt: string;
  @ApiProperty({ ...dateTime, ...nullable }) startedAt: string | null;
  @ApiProperty({ ...dateTime, ...nullable }) finishedAt: string | null;
  @ApiProperty({ description: 'Number of the last event.' }) lastSeq: number;
}

export class InstructionPageDto {
  @ApiProperty({ type: [InstructionDto] }) items: InstructionDto[];
  @ApiProperty({ type: String, ...nullable, description: 'The cursor of the next page.' }) nextCursor: string | null;
}
