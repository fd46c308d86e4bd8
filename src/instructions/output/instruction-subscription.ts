import type {
  InstructionEventsRepository,
  StoredEvent,
} from '../../persistence/instructions/instruction-events.repository.js';
import type { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import type { Outbox, OutboxSource } from '../../realtime/outbox.js';
import type { ServerMessage } from '../../realtime/server-message.js';
import type { InstructionView } from '../api/instruction-view.js';

/** What one reader holds at a time: it may have many of these, and be slow at all of them. */
const PAGE = { mostEvents: 200, enoughBytes: 64 * 1024 };

export interface SubscriptionSources {
  instructions: InstructionsRepository;
  events: InstructionEventsRepository;
  view: InstructionView;
}

/**
 * One reader of one instruction. Events are in the database, so what a slow reader has not taken waits there: a page is
 * fetched only when the transport asks for the next message.
 */
export class InstructionSubscription implements OutboxSource {
  private page: StoredEvent[] = [];
  private taken = 0;
  private update: ServerMessage | undefined;
  /** What the last update showed. */
  private version: string | undefined;
  private stale = true;
  private fetching = false;
  private closed = false;
  /** Nothing more will come. */
  private over = false;

  constructor(
    private readonly instructionId: string,
    private after: number,
    private readonly outbox: Outbox,
    private readonly sources: SubscriptionSources,
    private readonly onEnd: () => void,
  ) {}

  /** The instruction may have changed. */
  changed(): void {
    if (this.over || this.closed) return;
    this.stale = true;
    this.outbox.wake(this);
  }

  close(): void {
    this.closed = true;
    this.outbox.forget(this);
  }

  take(): ServerMessage | undefined {
    if (this.closed) return undefined;
    const next = this.page[this.taken];
    if (next !== undefined) {
      this.taken += 1;
      return {
        event: 'instruction:event',
        payload: { instructionId: this.instructionId, seq: next.seq, event: JSON.parse(next.event) as unknown },
      };
    }
    const { update } = this;
    this.update = undefined;
    if (update !== undefined) {
      if (this.over) this.onEnd();
      return update;
    }
    if (this.stale && !this.over) void this.fetch();
    return undefined;
  }

  private async fetch(): Promise<void> {
    if (this.fetching) return;
    this.fetching = true;
    try {
      this.stale = false;
      await this.fetchNext();
    } catch {
      // The database is away; whoever looks after the subscriptions asks again.
      this.stale = true;
      return;
    } finally {
      this.fetching = false;
    }
    if (!this.closed && (this.page.length > this.taken || this.update !== undefined || this.stale))
      this.outbox.wake(this);
  }

  /** The next page, or else how the instruction is by now: it is shown after the events that were there before. */
  private async fetchNext(): Promise<void> {
    const { instructions, events } = this.sources;
    const { instructionId } = this;
    const progress = await instructions.progress(instructionId);
    if (progress === null) return this.end({ event: 'instruction:removed', payload: { instructionId } });
    // Whoever comes in while it runs sees that first. That it is over is the last word.
    if (this.version === undefined && !progress.isOver) return this.show(progress.version, false);
    if (this.after < progress.lastSeq) {
      this.page = await events.page({ instructionId, after: this.after, through: progress.lastSeq, ...PAGE });
      this.taken = 0;
      this.after = this.page.at(-1)?.seq ?? this.after;
      this.stale = true;
      return;
    }
    if (progress.version !== this.version || progress.isOver) await this.show(progress.version, progress.isOver);
  }

  private async show(version: string, isOver: boolean): Promise<void> {
    const row = await this.sources.instructions.findById(this.instructionId);
    if (row === null) return this.end({ event: 'instruction:removed', payload: { instructionId: this.instructionId } });
    const message: ServerMessage = {
      event: 'instruction:update',
      payload: { instruction: await this.sources.view.one(row) },
    };
    if (isOver) return this.end(message);
    this.version = version;
    this.update = message;
    this.stale = true;
  }

  private end(last: ServerMessage): void {
    this.over = true;
    this.update = last;
  }
}
