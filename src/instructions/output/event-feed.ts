import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { DomainError } from '../../common/errors/domain-error.js';
import {
  InstructionEventsRepository,
  type StoredEvent,
} from '../../persistence/instructions/instruction-events.repository.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { InstructionChanges } from '../follow/instruction-changes.js';

/** Another process may write the events, whose word may not be heard here. */
export const POLL_MS = 2_000;

export interface FeedRequest {
  instructionId: string;
  /** `seq` of the event that was seen last. */
  after: number;
  /** Go on until the instruction is over. */
  follow: boolean;
  signal: AbortSignal;
}

/** Events from the database, in pages, at the reader's pace: those of the past, then the ones that follow, without a seam. */
@Injectable()
export class EventFeed implements OnModuleDestroy {
  private readonly stopped = new AbortController();

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly events: InstructionEventsRepository,
    private readonly changes: InstructionChanges,
    private readonly clock: Clock,
  ) {}

  /** Whoever still follows is let go of, so that the server can close. */
  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /**
   * An empty page comes now and then while there is nothing, so that a reader can show that it is there.
   * @throws DomainError `shutting_down`: the end of the server is not the end of the events
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
        if (!follow || progress.isOver) return;
        await this.clock.sleep(POLL_MS, AbortSignal.any([changed.signal, ended]));
        if (!changed.signal.aborted) yield [];
      }
      if (this.stopped.signal.aborted)
        throw new DomainError('shutting_down', 'The server ends; ask again for the events after the last one.');
    } finally {
      unwatch();
    }
  }
}
