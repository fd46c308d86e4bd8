import { Injectable } from '@nestjs/common';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import {
  type InstructionEnd,
  type InstructionLease,
  type InstructionRow,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';
import { type FollowedPart, RunnerClient, RunnerError, type RunRef } from '../runner/runner-client.js';
import type { RunnerOutcome } from '../runner/runner-outcome.js';
import { DiffStorage, MAX_DIFF_BYTES, NO_DIFF, type StoredDiff } from './diff-storage.js';
import { type EventWriter, EventWriterFactory, LeaseLostError } from './event-writer.js';
import { BudgetEnds } from './budget-ends.js';
import { CANCELLED, endForStoppedContainer, endFromOutcome } from './run-end.js';
import { toRunRequest } from './run-request.js';
import { AgentCredentials } from '../../workspace/agent-credentials.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { EVERYTHING } from '../../persistence/everything.js';

/** Starts the run of an instruction and stores its output. An attempt continues where the previous one ended. */
@Injectable()
export class InstructionFollower {
  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly containers: ContainersRepository,
    private readonly runner: RunnerClient,
    private readonly diffs: DiffStorage,
    private readonly writers: EventWriterFactory,
    private readonly credentials: AgentCredentials,
    private readonly budgets: BudgetEnds,
  ) {}

  /**
   * Starts the run unless it was started before, and follows it from the last stored event.
   * @returns how the instruction ended, or undefined when another attempt is needed
   * @throws LeaseLostError when another process holds the instruction or it was deleted
   * @throws DriverError, RunnerError, DomainError `image_outdated`, `output_limit_exceeded`, `instruction_storage_full`
   */
  async follow(lease: InstructionLease, signal: AbortSignal): Promise<InstructionEnd | undefined> {
    const row = await this.instructions.findById(lease.instructionId, EVERYTHING);
    if (row === null || row.fence !== lease.fence || row.status !== 'running')
      throw new LeaseLostError(lease.instructionId);
    const container = await this.containers.findById(row.containerId, [row.projectId]);
    if (container === null || container.status === 'deleting') throw new LeaseLostError(lease.instructionId);
    if (container.status !== 'running' || container.runtimeId === null) return endForStoppedContainer(row, container);

    const run = { workspace: workspaceOf(container), instructionId: row.id };
    const writer = await this.writers.create(row, lease);
    try {
      for await (const part of this.parts(row, container, run, signal)) {
        if (part.kind === 'events') await writer.add(part.lines);
        else return await this.complete(row, run, part, writer, signal);
      }
      return undefined;
    } finally {
      // The next attempt reads the stored position, so no write may follow this one.
      await writer.close();
    }
  }

  private async *parts(
    row: InstructionRow,
    container: ContainerRow,
    run: RunRef,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedPart> {
    if (row.cancelRequestedAt === null) {
      const start = { request: toRunRequest(row, container), env: await this.credentials.of(container, row.id) };
      return yield* this.runner.perform(run, start, row.eventOffset, signal);
    }
    await this.runner.cancel(run);
    yield* this.runner.follow(run, row.eventOffset, signal);
  }

  private async complete(
    row: InstructionRow,
    run: RunRef,
    part: Exclude<FollowedPart, { kind: 'events' }>,
    writer: EventWriter,
    signal: AbortSignal,
  ): Promise<InstructionEnd | undefined> {
    await writer.flush();
    if (part.kind === 'outcome') {
      const diff = await this.storeDiff(run, part.outcome, signal);
      const diffTruncated = part.outcome.diffTruncated || diff.bytes >= MAX_DIFF_BYTES;
      return this.budgets.apply(
        row,
        endFromOutcome({ ...part.outcome, diffTruncated }, diff, writer.unreportedFigures),
      );
    }
    return row.cancelRequestedAt === null ? undefined : { status: 'cancelled', reason: CANCELLED };
  }

  /** Copies the patch to the database, since the container may not be running when a client requests it. */
  private async storeDiff(run: RunRef, { diffBytes }: RunnerOutcome, signal: AbortSignal): Promise<StoredDiff> {
    if (diffBytes === 0) return NO_DIFF;
    try {
      return await this.diffs.store(run.instructionId, this.runner.diff(run, signal));
    } catch (error) {
      // A missing patch does not change how the instruction ended.
      if (error instanceof RunnerError) return NO_DIFF;
      throw error;
    }
  }
}
