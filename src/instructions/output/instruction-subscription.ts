import type {
  InstructionEventsRepository,
  StoredEvent,
} from '../../persistence/instructions/instruction-events.repository.js';
import type { InstructionRow, InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import type { Outbox, OutboxSource } from '../../realtime/outbox.js';
import type { ServerMessage } from '../../realtime/server-message.js';
import type { InstructionView } from '../api/instruction-view.js';

/** A slow client can have many subscriptions, each of which keeps one page in memory. */
const PAGE_LIMITS = { maxEvents: 200, targetBytes: 64 * 1024 };

export type InstructionRef = Pick<InstructionRow, 'id' | 'projectId'>;

export interface SubscriptionDependencies {
  instructions: InstructionsRepository;
  events: InstructionEventsRepository;
  view: InstructionView;
}

/**
 * The subscription of one socket to one instruction. Events stay in the database until the client takes them: a page is
 * read when the transport asks for the next message.
 */
export class InstructionSubscription implements OutboxSource {
  private readonly instructionId: string;
  private readonly scope: readonly string[];
  private page: StoredEvent[] = [];
  /** Index in {@link page} of the next event to send. */
  private position = 0;
  private update: ServerMessage | undefined;
  /** Version of the row that the last update showed. */
  private version: string | undefined;
  private isStale = true;
  private isFetching = false;
  private isClosed = false;
  /** {@link update} is the last message. */
  private isLast = false;

  constructor(
    { id, projectId }: InstructionRef,
    private after: number,
    private readonly outbox: Outbox,
    private readonly dependencies: SubscriptionDependencies,
    private readonly onEnd: () => void,
  ) {
    this.instructionId = id;
    this.scope = [projectId];
  }

  /** The instruction may have changed. */
  changed(): void {
    if (this.isLast || this.isClosed) return;
    this.isStale = true;
    this.outbox.wake(this);
  }

  close(): void {
    this.isClosed = true;
    this.outbox.forget(this);
  }

  take(): ServerMessage | undefined {
    if (this.isClosed) return undefined;
    const next = this.page[this.position];
    if (next !== undefined) {
      this.position += 1;
      return {
        event: 'instruction:event',
        payload: { instructionId: this.instructionId, seq: next.seq, event: JSON.parse(next.event) as unknown },
      };
    }
    const { update } = this;
    this.update = undefined;
    if (update !== undefined) {
      if (this.isLast) this.onEnd();
      return update;
    }
    if (this.isStale && !this.isLast) void this.fetch();
    return undefined;
  }

  private async fetch(): Promise<void> {
    if (this.isFetching) return;
    this.isFetching = true;
    try {
      this.isStale = false;
      await this.fetchNext();
    } catch {
      // The database is unavailable; the next change or poll fetches again.
      this.isStale = true;
      return;
    } finally {
      this.isFetching = false;
    }
    if (!this.isClosed && (this.page.length > this.position || this.update !== undefined || this.isStale))
      this.outbox.wake(this);
  }

  /** Reads the next page of events, or the row when there are no further events. */
  private async fetchNext(): Promise<void> {
    const { instructions, events } = this.dependencies;
    const { instructionId } = this;
    const progress = await instructions.progress(instructionId);
    if (progress === null) return this.end({ event: 'instruction:removed', payload: { instructionId } });
    // A running instruction is shown before its events; the update that shows its end comes after them.
    if (this.version === undefined && !progress.isFinished) return this.show(progress.version, false);
    if (this.after < progress.lastSeq) {
      this.page = await events.page({ instructionId, after: this.after, through: progress.lastSeq, ...PAGE_LIMITS });
      this.position = 0;
      this.after = this.page.at(-1)?.seq ?? this.after;
      this.isStale = true;
      return;
    }
    if (progress.version !== this.version || progress.isFinished)
      await this.show(progress.version, progress.isFinished);
  }

  private async show(version: string, isFinished: boolean): Promise<void> {
    const { instructionId } = this;
    const { instructions, view } = this.dependencies;
    const row = await instructions.findById(instructionId, this.scope);
    if (row === null) return this.end({ event: 'instruction:removed', payload: { instructionId } });
    const message: ServerMessage = { event: 'instruction:update', payload: { instruction: await view.one(row) } };
    if (isFinished) return this.end(message);
    this.version = version;
    this.update = message;
    this.isStale = true;
  }

  private end(last: ServerMessage): void {
    this.isLast = true;
    this.update = last;
  }
}
