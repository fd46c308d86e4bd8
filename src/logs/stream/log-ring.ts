import type { LogRecord } from '../../drivers/workspace-logs.js';

const MAX_LINES = 1_000;
const MAX_CHARACTERS = 1024 * 1024;

/** The latest lines of a log, limited in number and size. Up to twice the limit is kept between two cuts. */
export class LogRing {
  private records: LogRecord[] = [];
  private characters = 0;
  private holdsAll = true;

  /** Whether it holds every line of the log. */
  get isComplete(): boolean {
    return this.holdsAll;
  }

  /** Replaces the content. @param isComplete whether the log has no lines before these */
  begin(records: LogRecord[], isComplete: boolean): void {
    this.clear();
    this.holdsAll = isComplete;
    this.push(records);
  }

  push(records: LogRecord[]): void {
    for (const record of records) {
      this.records.push(record);
      this.characters += record.message.length;
    }
    // Cut in large steps, because shifting an array for every line is expensive.
    if (this.records.length > MAX_LINES * 2 || (this.characters > MAX_CHARACTERS * 2 && this.records.length > 1))
      this.cut();
  }

  /** The lines that match, oldest first. */
  lines(wants: (record: LogRecord) => boolean): LogRecord[] {
    return this.records.filter(wants);
  }

  clear(): void {
    this.records = [];
    this.characters = 0;
    this.holdsAll = true;
  }

  private cut(): void {
    const { length } = this.records;
    let from = length;
    let characters = 0;
    while (from > Math.max(0, length - MAX_LINES)) {
      characters += this.records[from - 1]!.message.length;
      if (characters > MAX_CHARACTERS && from < length) break;
      from--;
    }
    this.records = this.records.slice(from);
    this.characters = this.records.reduce((sum, { message }) => sum + message.length, 0);
    this.holdsAll = false;
  }
}
