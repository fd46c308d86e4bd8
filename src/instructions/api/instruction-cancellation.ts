import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { type InstructionRow, InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { RunnerClient } from '../runner/runner-client.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { instructionNotFound } from './instructions.service.js';
import { CANCELLED } from '../follow/run-end.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';

/** Longer than the runner takes to kill a process that ignores signals. */
const MAX_WAIT_MS = 20_000;
/** Covers events of other processes that did not arrive here. */
const POLL_MS = 250;

/** Cancels instructions. A queued one never runs, a running one is interrupted. */
@Injectable()
export class InstructionCancellation implements OnModuleDestroy {
  private readonly stopped = new AbortController();

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly containers: ContainersRepository,
    private readonly runner: RunnerClient,
    private readonly changes: InstructionChanges,
    @InjectPinoLogger(InstructionCancellation.name) private readonly logger: PinoLogger,
  ) {}

  /** Ends the requests that are waiting, so that the server can close. */
  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /** @returns the instruction when it has ended, or in its present state after 20 s or when the client disconnects */
  async cancel(row: InstructionRow, clientSignal: AbortSignal): Promise<InstructionRow> {
    const marked = await this.instructions.cancel(row.id, CANCELLED);
    if (marked === null) throw instructionNotFound(row.id);
    if (marked.status !== row.status || marked.cancelRequestedAt !== row.cancelRequestedAt)
      this.changes.stateChanged(marked);
    if (marked.status !== 'running') return marked;
    await this.interrupt(marked);
    const deadline = AbortSignal.timeout(MAX_WAIT_MS);
    return this.waitForEnd(marked, AbortSignal.any([clientSignal, this.stopped.signal, deadline]));
  }

  /** When the runner cannot be reached, the process that executes the instruction cancels it later. */
  private async interrupt({ id, containerId, projectId }: InstructionRow): Promise<void> {
    const container = await this.containers.findById(containerId, [projectId]);
    if (container?.status !== 'running' || container.runtimeId === null) return;
    try {
      await this.runner.cancel({ workspace: workspaceOf(container), instructionId: id });
    } catch (error) {
      this.logger.warn(
        { err: error, instructionId: id },
        'A run could not be interrupted; its next attempt will do so',
      );
    }
  }

  private async waitForEnd(row: InstructionRow, signal: AbortSignal): Promise<InstructionRow> {
    for (;;) {
      const changed = this.nextChange(row.id, signal);
      const present = await this.instructions.findById(row.id, [row.projectId]);
      if (present === null) throw instructionNotFound(row.id);
      if (present.finishedAt !== null || signal.aborted) {
        changed.cancel();
        return present;
      }
      await changed.promise;
    }
  }

  /** Resolves on the next change, after the poll interval, or when the signal aborts. */
  private nextChange(id: string, signal: AbortSignal): { promise: Promise<void>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const unwatch = this.changes.watch(id, resolve);
    const timer = setTimeout(resolve, POLL_MS);
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort);
    const cleanUp = (): void => {
      unwatch();
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    void promise.then(cleanUp);
    return { promise, cancel: resolve };
  }
}
