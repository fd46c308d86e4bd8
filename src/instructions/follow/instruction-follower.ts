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
import { DiffStorage } from './diff-storage.js';
import { EventStores, EventWriter, LeaseLostError } from './event-writer.js';
import { CANCELLED, endOf, endWithContainer } from '../queue/run-end.js';
import { runRequest } from '../queue/run-request.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';

/** Brings one instruction as far as it gets with the container and the engine as they are. Can be done again at any point. */
@Injectable()
export class InstructionFollower {
  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly containers: ContainersRepository,
    private readonly runner: RunnerClient,
    private readonly diffs: DiffStorage,
    private readonly stores: EventStores,
  ) {}

  /**
   * Starts the run or finds it started, and follows it from where its events are stored.
   * @returns how it ended, or undefined when it has to wait, or be taken up again
   * @throws LeaseLostError when somebody else follows it by now, or it is gone
   * @throws DriverError, RunnerError
   */
  async follow(lease: InstructionLease, signal: AbortSignal): Promise<InstructionEnd | undefined> {
    const row = await this.instructions.findById(lease.instructionId);
    if (row === null || row.fence !== lease.fence || row.status !== 'running')
      throw new LeaseLostError(lease.instructionId);
    const container = await this.containers.findById(row.containerId);
    if (container === null || container.status === 'deleting') throw new LeaseLostError(lease.instructionId);
    if (container.status !== 'running' || container.runtimeId === null) return endWithContainer(row, container);

    const place = { workspace: workspaceOf(container), instructionId: row.id };
    const writer = new EventWriter(row, lease, this.stores);
    try {
      for await (const part of this.parts(row, container, place, signal)) {
        if (part.kind === 'events') await writer.add(part.lines);
        else return await this.settle(row, place, part, writer, signal);
      }
      return undefined;
    } finally {
      // The next attempt begins after what this one has stored.
      await writer.close();
    }
  }

  private async *parts(
    row: InstructionRow,
    container: ContainerRow,
    place: RunRef,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedPart> {
    if (row.cancelRequestedAt === null)
      return yield* this.runner.perform(place, runRequest(row, container), row.eventOffset, signal);
    await this.runner.cancel(place);
    yield* this.runner.follow(place, row.eventOffset, signal);
  }

  private async settle(
    row: InstructionRow,
    place: RunRef,
    part: Exclude<FollowedPart, { kind: 'events' }>,
    writer: EventWriter,
    signal: AbortSignal,
  ): Promise<InstructionEnd | undefined> {
    await writer.flush();
    if (part.kind === 'outcome')
      return endOf({ ...part.outcome, ...(await this.keepDiff(place, part.outcome, signal)) });
    return row.cancelRequestedAt === null ? undefined : { status: 'cancelled', reason: CANCELLED };
  }

  /** Kept with the rest: the container may be stopped when it is asked for. */
  private async keepDiff(
    place: RunRef,
    { diffBytes }: RunnerOutcome,
    signal: AbortSignal,
  ): Promise<{ diffBytes: number }> {
    if (diffBytes === 0) return { diffBytes };
    try {
      return { diffBytes: await this.diffs.store(place.instructionId, this.runner.diff(place, signal)) };
    } catch (error) {
      // Without its patch the rest is what it is.
      if (error instanceof RunnerError) return { diffBytes: 0 };
      throw error;
    }
  }
}
