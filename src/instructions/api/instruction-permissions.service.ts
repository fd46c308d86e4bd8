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

/** Answers permission requests of running instructions. */
@Injectable()
export class InstructionPermissionsService {
  constructor(
    private readonly permissions: InstructionPermissionsRepository,
    private readonly containers: ContainersRepository,
    private readonly runner: RunnerClient,
    private readonly changes: InstructionChanges,
  ) {}

  /**
   * Delivers the answer to the agent. The first answer counts; repeating it changes nothing.
   * @throws DomainError `permission_not_found` when the request is not open, `permission_answered` when another answer
   *   was given, `invalid_state` when the instruction or its container is not running
   */
  async answer(row: InstructionRow, requestId: string, { decision, message }: AnswerPermissionDto): Promise<void> {
    const request = await this.permissions.find(row.id, requestId);
    if (request === null) throw permissionNotFound(requestId);
    if (request.decision === decision) return;
    const workspace = await this.workspaceOf(row);
    if (!(await this.permissions.decide(row.id, requestId, decision)))
      return this.explainRefusal(row.id, requestId, decision);
    const result = await this.runner
      .answer({ workspace, instructionId: row.id }, requestId, decision, message)
      .catch(async (error: unknown) => {
        await this.permissions.reopen(row.id, requestId);
        throw error;
      });
    this.changes.stateChanged(row);
    if (result !== 'answered') throw permissionNotFound(requestId);
  }

  /** @throws DomainError that says why the answer was refused, unless the same answer was given at the same moment */
  private async explainRefusal(instructionId: string, requestId: string, wanted: string): Promise<void> {
    const request = await this.permissions.find(instructionId, requestId);
    if (request === null || request.decision === null) throw permissionNotFound(requestId);
    if (request.decision !== wanted)
      throw new DomainError('permission_answered', `The request was answered with "${request.decision}" before.`);
  }

  private async workspaceOf({ status, containerId, projectId }: InstructionRow): Promise<WorkspaceRef> {
    const container = status === 'running' ? await this.containers.findById(containerId, [projectId]) : null;
    if (container?.status === 'running' && container.runtimeId !== null) return workspaceOf(container);
    throw new DomainError(
      'invalid_state',
      `The instruction is ${status}${container === null ? '' : ` and its container ${container.status}`}; no answer is expected.`,
      {
        extensions: { currentStatus: status },
      },
    );
  }
}

function permissionNotFound(requestId: string): DomainError {
  return new DomainError('permission_not_found', `There is no pending permission "${requestId.slice(0, 100)}".`);
}
