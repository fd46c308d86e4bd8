import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { InstructionPermissionsRepository } from '../../persistence/instructions/instruction-permissions.repository.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import { RunnerClient } from '../runner/runner-client.js';
import type { AnswerPermissionDto } from './dto/answer-permission.dto.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';

/** Answers what running instructions ask to be allowed. */
@Injectable()
export class InstructionPermissionsService {
  constructor(
    private readonly permissions: InstructionPermissionsRepository,
    private readonly containers: ContainersRepository,
    private readonly runner: RunnerClient,
    private readonly changes: InstructionChanges,
  ) {}

  /**
   * The first answer counts; giving it again changes nothing.
   * @throws DomainError `permission_not_found` when it is not asked any more, `permission_answered` when another answer was given
   */
  async answer(row: InstructionRow, requestId: string, { decision, message }: AnswerPermissionDto): Promise<void> {
    const asked = await this.permissions.find(row.id, requestId);
    if (asked === null) throw notAsked(requestId);
    if (asked.decision === decision) return;
    const workspace = await this.workspaceOf(row);
    if (!(await this.permissions.decide(row.id, requestId, decision))) return this.explain(row.id, requestId, decision);
    const answered = await this.runner
      .answer({ workspace, instructionId: row.id }, requestId, decision, message)
      .catch(async (error: unknown) => {
        await this.permissions.reopen(row.id, requestId);
        throw error;
      });
    this.changes.moved(row);
    if (answered !== 'answered') throw notAsked(requestId);
  }

  /** It was closed, or answered by somebody else at the same moment. */
  private async explain(instructionId: string, requestId: string, wanted: string): Promise<void> {
    const asked = await this.permissions.find(instructionId, requestId);
    if (asked === null || asked.decision === null) throw notAsked(requestId);
    if (asked.decision !== wanted)
      throw new DomainError('permission_answered', `The answer was "${asked.decision}" already.`);
  }

  private async workspaceOf({ status, containerId }: InstructionRow): Promise<WorkspaceRef> {
    const container = status === 'running' ? await this.containers.findById(containerId) : null;
    if (container?.status === 'running' && container.runtimeId !== null) return workspaceOf(container);
    throw new DomainError(
      'invalid_state',
      `The instruction is ${status}${container === null ? '' : ` and its container ${container.status}`}; nobody waits for an answer.`,
      {
        extensions: { currentStatus: status },
      },
    );
  }
}

function notAsked(requestId: string): DomainError {
  return new DomainError('permission_not_found', `No permission "${requestId.slice(0, 100)}" is asked for.`);
}
