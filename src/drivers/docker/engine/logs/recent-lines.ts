import type { LogRecord } from '../../../workspace-logs.js';

/** Limits the memory taken by very long lines. */
const MAX_CHARACTERS = 32 * 1024 * 1024;

/** The latest lines of a log that is read to its end, bounded in number and size. */
export class RecentLines {
  private records: LogRecord[] = [];
  private characters = 0;
  private cutForSize = false;

  constructor(private readonly count: number) {}

  /** Whether requested lines are missing because of their size. */
  get isCut(): boolean {
    return this.cutForSize;
  }

  get lines(): LogRecord[] {
    return this.records.slice(Math.max(0, this.records.length - this.count));
  }

  add(records: LogRecord[]): void {
    for (const record of records) {
      this.records.push(record);
      this.characters += record.message.length;
    }
    // Cut in large steps: shifting the array for every line would cost more than the lines.
    if (this.records.length > 2 * this.count + 1_000 || this.characters > MAX_CHARACTERS) this.cut();
  }

  private cut(): void {
    let surplus = Math.max(0, this.records.length - this.count);
    for (let at = 0; at < surplus; at++) this.characters -= this.records[at]!.message.length;
    while (this.characters > MAX_CHARACTERS && this.records.length - surplus > 1) {
      this.characters -= this.records[surplus++]!.message.length;
      this.cutForSize = true;
    }
    this.records.splice(0, surplus);
  }
}
