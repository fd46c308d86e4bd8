import type { LogRecord } from '../runtime/container-runtime.js';

const MOST_LINES = 1_000;
const MOST_CHARACTERS = 1024 * 1024;

/** The latest lines of one log, bounded in number and size. */
export class LogRing {
  private records: LogRecord[] = [];
  private characters = 0;

  push(record: LogRecord): void {
    this.records.push(record);
    this.characters += record.message.length;
    // Cut in large steps, since shifting an array for each line costs more than the lines do.
    if (this.records.length > MOST_LINES * 2 || (this.characters > MOST_CHARACTERS * 2 && this.records.length > 1)) this.cut();
  }

  /** The latest `count` lines, oldest first. */
  tail(count: number, wants: (record: LogRecord) => boolean): LogRecord[] {
    const found: LogRecord[] = [];
    for (let at = this.records.length - 1; at >= 0 && found.length < count; at--) {
      const record = this.records[at]!;
      if (wants(record)) found.push(record);
    }
    return found.toReversed();
  }

  get oldest(): LogRecord | undefined {
    return this.records[0];
  }

  private cut(): void {
    let from = Math.max(0, this.records.length - MOST_LINES);
    let characters = 0;
    for (let at = this.records.length - 1; at >= from; at--) {
      characters += this.records[at]!.message.length;
      if (characters > MOST_CHARACTERS && at < this.records.length - 1) from = at + 1;
    }
    this.records = this.records.slice(from);
    this.characters = this.records.reduce((sum, { message }) => sum + message.length, 0);
  }
}
