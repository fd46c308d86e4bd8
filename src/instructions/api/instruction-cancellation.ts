import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { type InstructionRow, InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { RunnerClient } from '../runner/runner-client.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { instructionNotFound } from './instructions.service.js';
import { CANCELLED } from '../queue/run-end.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';

/** Longer than it takes to end what does not listen. */
const LONGEST_WAIT_MS = 20_000;
/** Another process may follow it, whose word may not be heard here. */
const POLL_MS = 250;

/** Cancels instructions: one that waits never runs, one that runs is interrupted. */
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

  /** Whoever still waits is answered, so that the server can close. */
  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /** @returns the instruction once it is over, or as it is when that takes longer than 20 s or the client leaves */
  async cancel(row: InstructionRow, left: AbortSignal): Promise<InstructionRow> {
    const marked = await this.instructions.cancel(row.id, CANCELLED);
    if (marked === null) throw instructionNotFound(row.id);
    if (marked.status !== row.status || marked.cancelRequestedAt !== row.cancelRequestedAt) this.changes.moved(marked);
    if (marked.status !== 'running') return marked;
    await this.interrupt(marked);
    return this.untilOver(marked, AbortSignal.any([left, this.stopped.signal, AbortSignal.timeout(LONGEST_WAIT_MS)]));
  }

  /** Where the runner is out of reach, whoever follows it passes the mark on once it is not. */
  private async interrupt({ id, containerId }: InstructionRow): Promise<void> {
    const container = await this.containers.findById(containerId);
    if (container?.status !== 'running' || container.runtimeId === null) return;
    try {
      await this.runner.cancel({ workspace: workspaceOf(container), instructionId: id });
    } catch (error) {
      this.logger.warn({ err: error, instructionId: id }, 'A run could not be interrupted yet');
    }
  }

  private async untilOver(row: InstructionRow, until: AbortSignal): Promise<InstructionRow> {
    for (;;) {
      const changed = this.nextChange(row.id, until);
      const present = await this.instructions.findById(row.id);
      if (present === null) throw instructionNotFound(row.id);
      if (present.finishedAt !== null || until.aborted) {
        changed.forget();
        return present;
      }
      await changed.happened;
    }
  }

  private nextChange(id: string, until: AbortSignal): { happened: Promise<void>; forget: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const unwatch = this.changes.watch(id, resolve);
    const timer = setTimeout(resolve, POLL_MS);
    const onAbort = (): void => resolve();
    until.addEventListener('abort', onAbort);
    const forget = (): void => {
      unwatch();
      clearTimeout(timer);
      until.removeEventListener('abort', onAbort);
    };
    void promise.then(forget);
    return { happened: promise, forget: resolve };
  }
}
