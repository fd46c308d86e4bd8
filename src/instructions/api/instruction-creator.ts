import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { bodyHash } from '../../http/bodies/body-hash.js';
import { Clock } from '../../common/time/clock.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Settings } from '../../config/settings.js';
import { containerNotFound } from '../../workspace/container-errors.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import {
  type InstructionRow,
  InstructionsRepository,
  type NewInstruction,
} from '../../persistence/instructions/instructions.repository.js';
import { InstructionStorage } from '../follow/instruction-storage.js';
import { InstructionTarget } from './instruction-target.js';
import type { CreateInstructionDto } from './dto/create-instruction.dto.js';

/** Checks and stores new instructions. */
@Injectable()
export class InstructionCreator {
  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly target: InstructionTarget,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
    private readonly storage: InstructionStorage,
    private readonly settings: Settings,
  ) {}

  /** @param reference the container's id or name */
  async create(
    principal: Principal,
    reference: string,
    dto: CreateInstructionDto,
    idempotencyKey?: string,
  ): Promise<InstructionRow> {
    const container = await this.target.find(principal, reference);
    const key = idempotencyKey === undefined ? undefined : { key: idempotencyKey, bodyHash: bodyHash(dto) };
    // An instruction accepted before is returned in any state of the container.
    const existing = key && (await this.instructions.findByKey(principal.id, container.id, key));
    if (existing) return this.resolve(existing, container);
    if (container.template === 'vscode')
      throw new DomainError('no_claude_code', 'The template "vscode" does not include Claude Code.');
    await this.storage.requireRoom();
    // Before the container is started for it.
    await this.instructions.requireQuota(container.projectId);
    await this.target.requireRunning(container, dto.startIfStopped);
    return this.resolve(await this.instructions.insert(this.toRow(container, principal, dto), key), container);
  }

  private async resolve(
    outcome: Awaited<ReturnType<InstructionsRepository['insert']>>,
    { id: containerId, projectId }: ContainerRow,
  ): Promise<InstructionRow> {
    switch (outcome.kind) {
      case 'inserted':
        return outcome.row;
      case 'replayed': {
        const row = await this.instructions.findById(outcome.instructionId, [projectId]);
        if (row === null) throw containerNotFound(containerId);
        return row;
      }
      case 'key_reused':
        throw new DomainError('idempotency_key_reused', 'This Idempotency-Key was used before with a different body.');
      case 'container_gone':
        throw containerNotFound(containerId);
    }
  }

  private toRow(container: ContainerRow, principal: Principal, dto: CreateInstructionDto): NewInstruction {
    return {
      id: this.ids.next(),
      ownerId: principal.id,
      projectId: container.projectId,
      containerId: container.id,
      prompt: dto.prompt,
      resumeSessionId: dto.sessionId ?? null,
      continueLatest: dto.continue,
      model: dto.model ?? null,
      maxTurns: dto.maxTurns ?? null,
      maxBudgetUsd: dto.maxBudgetUsd ?? null,
      budgetUsd: dto.budgetUsd ?? null,
      timeoutSeconds: dto.timeoutSeconds ?? this.settings.instructionTimeoutSeconds,
      createdAt: this.clock.now(),
    };
  }
}
