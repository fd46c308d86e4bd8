import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { DomainError } from '../../common/errors/domain-error.js';
import {
  InstructionEventsRepository,
  type StoredEvent,
} from '../../persistence/instructions/instruction-events.repository.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { InstructionChanges } from '../follow/instruction-changes.js';

/** Covers events of other processes that did not arrive here. */
export const POLL_MS = 2_000;

export interface FeedRequest {
  instructionId: string;
  /** `seq` of the last event that the reader has. */
  after: number;
  /** Whether to continue until the instruction has ended. */
  follow: boolean;
  signal: AbortSignal;
}

/** Reads events from the database in pages, as fast as the reader takes them: first past events, then new ones. */
@Injectable()
export class EventFeed implements OnModuleDestroy {
  private readonly stopped = new AbortController();

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly events: InstructionEventsRepository,
    private readonly changes: InstructionChanges,
    private readonly clock: Clock,
  ) {}

  /** Ends the readers that follow, so that the server can close. */
  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /**
   * Yields an empty page at intervals while there are no events, which lets the reader send a heartbeat.
   * @throws DomainError `shutting_down` when the server stops before the last event
   */
  async *read({ instructionId, after, follow, signal }: FeedRequest): AsyncGenerator<StoredEvent[]> {
    const ended = AbortSignal.any([signal, this.stopped.signal]);
    let changed = new AbortController();
    const unwatch = this.changes.watch(instructionId, () => changed.abort());
    try {
      while (!ended.aborted) {
        changed = new AbortController();
        const progress = await this.instructions.progress(instructionId);
        if (progress === null) return;
        while (after < progress.lastSeq && !ended.aborted) {
          const page = await this.events.page({ instructionId, after, through: progress.lastSeq });
          if (page.length === 0) return;
          yield page;
          after = page.at(-1)!.seq;
        }
        if (!follow || progress.isFinished) return;
        await this.clock.sleep(POLL_MS, AbortSignal.any([changed.signal, ended]));
        if (!changed.signal.aborted) yield [];
      }
      if (this.stopped.signal.aborted)
        throw new DomainError(
          'shutting_down',
          'The server is shutting down; request the events after the last one again.',
        );
    } finally {
      unwatch();
    }
  }
}
