import type { LogRecord } from '../drivers/workspace-logs.js';
import type { DriverError } from '../drivers/driver-error.js';
import type { LogSink } from './stream/log-stream.js';

/** Lines that are missing; `null` when nobody knows how many. */
interface Dropped {
  kind: 'dropped';
  count: number | null;
}

export type LogEntry =
  | { kind: 'lines'; lines: LogRecord[] }
  | Dropped
  | { kind: 'end'; reason: string }
  | { kind: 'error'; error: DriverError };

/** Lines that wait for a reader before the engine is read more slowly. */
const ENOUGH_LINES = 8_000;
const ENOUGH_CHARACTERS = 1024 * 1024;
/** What waits for a reader who takes nothing before further lines are dropped. */
const MOST_LINES = 2 * ENOUGH_LINES;
const MOST_CHARACTERS = 2 * ENOUGH_CHARACTERS;
/** A reader who took nothing for this long holds nobody up any more. */
const PATIENCE_MS = 1_000;
/** For this long after lines were taken, further ones are gathered: many small messages cost more than their lines do. */
const REST_MS = 10;
const BATCH_LINES = 2_000;
const BATCH_CHARACTERS = 256 * 1024;

export type StreamFilter = 'all' | LogRecord['stream'];

/**
 * What one reader of a log has not taken yet. A reader that keeps taking gets every line, at the price that
 * the engine is read at its pace; one that stops taking misses lines, and is told how many.
 */
export class LogSubscription implements LogSink {
  private entries: LogEntry[] = [];
  private lines = 0;
  private characters = 0;
  private takenAt: number;
  private waiting: { room: Promise<void>; end: () => void } | undefined;
  private resting: NodeJS.Timeout | undefined;

  constructor(
    readonly filter: StreamFilter,
    private readonly onEntries: () => void,
    private readonly now: () => number,
  ) {
    this.takenAt = now();
  }

  wants(record: LogRecord): boolean {
    return this.filter === 'all' || record.stream === this.filter;
  }

  accept(records: LogRecord[]): void {
    const wanted = this.filter === 'all' ? records : records.filter((record) => record.stream === this.filter);
    if (wanted.length === 0) return;
    if (this.entries.length === 0) this.takenAt = this.now();
    if (this.isFull() && this.isLate()) this.drop(wanted.length);
    else this.keep(wanted);
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
    if ((this.lines < ENOUGH_LINES && this.characters < ENOUGH_CHARACTERS) || this.isLate()) return undefined;
    this.waiting ??= this.wait();
    return this.waiting.room;
  }

  /** The next entry, or undefined when there is none yet; lines come in batches. */
  take(): LogEntry | undefined {
    if (this.isGathering()) return undefined;
    const entry = this.entries.shift();
    if (entry === undefined) return undefined;
    this.takenAt = this.now();
    if (entry.kind === 'lines') {
      this.rest();
      this.lines -= entry.lines.length;
      for (const { message } of entry.lines) this.characters -= message.length;
    }
    if (this.lines < ENOUGH_LINES / 2 && this.characters < ENOUGH_CHARACTERS / 2) this.waiting?.end();
    return entry;
  }

  /** Nobody takes anything any more. */
  close(): void {
    clearTimeout(this.resting);
    this.waiting?.end();
  }

  private notify(): void {
    if (!this.isGathering()) this.onEntries();
  }

  /** Whether the last batch is still being filled, and nothing waits but that. */
  private isGathering(): boolean {
    return this.resting !== undefined && this.entries.length < 2 && this.entries[0]?.kind === 'lines';
  }

  private rest(): void {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.resting = undefined;
      if (this.entries.length > 0) this.onEntries();
    }, REST_MS);
  }

  private wait(): { room: Promise<void>; end: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => {
      clearTimeout(timer);
      this.waiting = undefined;
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, this.takenAt + PATIENCE_MS - this.now()));
    return { room: promise, end };
  }

  private isFull(): boolean {
    return this.lines > MOST_LINES || this.characters > MOST_CHARACTERS;
  }

  private isLate(): boolean {
    return this.entries.length > 0 && this.now() - this.takenAt > PATIENCE_MS;
  }

  private keep(records: LogRecord[]): void {
    let batch = this.openBatch();
    let size = batch.characters;
    for (const record of records) {
      if (batch.lines.length >= BATCH_LINES || size >= BATCH_CHARACTERS) {
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

  /** Lines go into the last batch as long as nobody has taken it. */
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
