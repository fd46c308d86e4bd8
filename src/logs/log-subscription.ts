import type { LogRecord } from '../drivers/workspace-logs.js';
import type { DriverError } from '../drivers/driver-error.js';
import { isFrom } from './log-source.js';
import type { LogSink } from './stream/log-stream.js';

/** Lines that the reader misses; `null` when their number is unknown. */
interface Dropped {
  kind: 'dropped';
  count: number | null;
}

export type LogEntry =
  | { kind: 'lines'; lines: LogRecord[] }
  | Dropped
  | { kind: 'end'; reason: string }
  | { kind: 'error'; error: DriverError };

/** Buffered lines of one reader above which the engine is read more slowly. */
const HIGH_WATER_LINES = 8_000;
const HIGH_WATER_CHARACTERS = 1024 * 1024;
/** Buffered lines of a stalled reader above which further ones are dropped. */
const MAX_LINES = 2 * HIGH_WATER_LINES;
const MAX_CHARACTERS = 2 * HIGH_WATER_CHARACTERS;
/** A reader that takes nothing for this long is stalled and no longer slows down the engine stream. */
const STALLED_AFTER_MS = 1_000;
/** After a batch was taken, lines are collected for this long: many small messages cost more than a few large ones. */
const BATCH_DELAY_MS = 10;
const MAX_BATCH_LINES = 2_000;
const MAX_BATCH_CHARACTERS = 256 * 1024;

export type StreamFilter = 'all' | LogRecord['stream'];

/**
 * The buffer of one reader of a log. A reader that keeps taking entries gets every line, because the engine is read no
 * faster than it reads; a stalled reader misses lines and gets their number instead.
 */
export class LogSubscription implements LogSink {
  private entries: LogEntry[] = [];
  private lines = 0;
  private characters = 0;
  private takenAt: number;
  private draining: { done: Promise<void>; end: () => void } | undefined;
  private batching: NodeJS.Timeout | undefined;

  constructor(
    readonly filter: StreamFilter,
    private readonly onEntries: () => void,
    private readonly now: () => number,
    private readonly source?: string,
  ) {
    this.takenAt = now();
  }

  wants(record: LogRecord): boolean {
    return (this.filter === 'all' || record.stream === this.filter) && isFrom(this.source, record);
  }

  accept(records: LogRecord[]): void {
    const isAll = this.filter === 'all' && this.source === undefined;
    const wanted = isAll ? records : records.filter((record) => this.wants(record));
    if (wanted.length === 0) return;
    if (this.entries.length === 0) this.takenAt = this.now();
    if (this.isFull() && this.isStalled()) this.drop(wanted.length);
    else this.append(wanted);
    this.notify();
  }

  missed(): void {
    this.drop(null);
    this.notify();
  }

  ended(reason: string): void {
    this.entries.push({ kind: 'end', reason });
    this.notify();
  }

  failed(error: DriverError): void {
    this.entries.push({ kind: 'error', error });
    this.notify();
  }

  whenDrained(): Promise<void> | undefined {
    if ((this.lines < HIGH_WATER_LINES && this.characters < HIGH_WATER_CHARACTERS) || this.isStalled())
      return undefined;
    this.draining ??= this.drain();
    return this.draining.done;
  }

  /** Takes the next entry; undefined when there is none. Lines come in batches. */
  take(): LogEntry | undefined {
    if (this.isBatching()) return undefined;
    const entry = this.entries.shift();
    if (entry === undefined) return undefined;
    this.takenAt = this.now();
    if (entry.kind === 'lines') {
      this.startBatch();
      this.lines -= entry.lines.length;
      for (const { message } of entry.lines) this.characters -= message.length;
    }
    if (this.lines < HIGH_WATER_LINES / 2 && this.characters < HIGH_WATER_CHARACTERS / 2) this.draining?.end();
    return entry;
  }

  /** Must be called when the reader takes no more entries. */
  close(): void {
    clearTimeout(this.batching);
    this.draining?.end();
  }

  private notify(): void {
    if (!this.isBatching()) this.onEntries();
  }

  /** Whether the only entry is a batch that is still being filled. */
  private isBatching(): boolean {
    return this.batching !== undefined && this.entries.length < 2 && this.entries[0]?.kind === 'lines';
  }

  private startBatch(): void {
    clearTimeout(this.batching);
    this.batching = setTimeout(() => {
      this.batching = undefined;
      if (this.entries.length > 0) this.onEntries();
    }, BATCH_DELAY_MS);
  }

  private drain(): { done: Promise<void>; end: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => {
      clearTimeout(timer);
      this.draining = undefined;
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, this.takenAt + STALLED_AFTER_MS - this.now()));
    return { done: promise, end };
  }

  private isFull(): boolean {
    return this.lines > MAX_LINES || this.characters > MAX_CHARACTERS;
  }

  private isStalled(): boolean {
    return this.entries.length > 0 && this.now() - this.takenAt > STALLED_AFTER_MS;
  }

  private append(records: LogRecord[]): void {
    let batch = this.openBatch();
    let size = batch.characters;
    for (const record of records) {
      if (batch.lines.length >= MAX_BATCH_LINES || size >= MAX_BATCH_CHARACTERS) {
        batch = this.newBatch();
        size = 0;
      }
      batch.lines.push(record);
      size += record.message.length;
      this.characters += record.message.length;
    }
    batch.characters = size;
    this.lines += records.length;
  }

  /** The last entry if it is a batch, else a new batch. */
  private openBatch(): Batch {
    const last = this.entries.at(-1);
    return last?.kind === 'lines' ? (last as Batch) : this.newBatch();
  }

  private newBatch(): Batch {
    const batch: Batch = { kind: 'lines', lines: [], characters: 0 };
    this.entries.push(batch);
    return batch;
  }

  private drop(count: number | null): void {
    const last = this.entries.at(-1);
    if (last?.kind !== 'dropped') this.entries.push({ kind: 'dropped', count });
    else last.count = last.count === null || count === null ? null : last.count + count;
  }
}

interface Batch {
  kind: 'lines';
  lines: LogRecord[];
  characters: number;
}
