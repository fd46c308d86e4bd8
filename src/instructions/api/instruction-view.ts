import { Injectable } from '@nestjs/common';
import {
  InstructionPermissionsRepository,
  type PermissionRow,
} from '../../persistence/instructions/instruction-permissions.repository.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import type { InstructionDto, PermissionDto } from './dto/instruction.dto.js';

/** Maps rows to the representation that clients see. */
@Injectable()
export class InstructionView {
  constructor(private readonly permissions: InstructionPermissionsRepository) {}

  async one(row: InstructionRow): Promise<InstructionDto> {
    const [dto] = await this.many([row]);
    return dto!;
  }

  async many(rows: InstructionRow[]): Promise<InstructionDto[]> {
    const requests = await this.permissions.listOpen(
      rows.filter(({ status }) => status === 'running').map(({ id }) => id),
    );
    const byInstruction = Map.groupBy(requests, ({ instructionId }) => instructionId);
    return rows.map((row) => toDto(row, byInstruction.get(row.id) ?? []));
  }
}

function toDto(row: InstructionRow, requests: PermissionRow[]): InstructionDto {
  return {
    id: row.id,
    containerId: row.containerId,
    prompt: row.prompt,
    status: row.status,
    statusReason: row.statusReason,
    sessionId: row.sessionId,
    result: row.result,
    costUsd: row.costUsd,
    costEstimated: row.costEstimated,
    turns: row.turns,
    usage: row.usage,
    budgetUsd: row.budgetUsd,
    timeoutSeconds: row.timeoutSeconds,
    permissions: requests.map(toPermissionDto),
    diff: toDiffSummary(row),
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    lastSeq: row.lastSeq,
  };
}

function toPermissionDto({ requestId, toolName, input, askedAt }: PermissionRow): PermissionDto {
  return { requestId, toolName, input: JSON.parse(input) as unknown, askedAt: askedAt.toISOString() };
}

function toDiffSummary(row: InstructionRow): InstructionDto['diff'] {
  const { diffBytes, diffTruncated, diffFiles, diffInsertions, diffDeletions } = row;
  return diffBytes === null
    ? null
    : {
        bytes: diffBytes,
        truncated: diffTruncated,
        files: diffFiles,
        insertions: diffInsertions,
        deletions: diffDeletions,
      };
}
