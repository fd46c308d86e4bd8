import type { LogRecord } from '../../drivers/workspace-logs.js';

const MOST_LINES = 1_000;
const MOST_CHARACTERS = 1024 * 1024;

/** The latest lines of one log, bounded in number and size. */
export class LogRing {
  private records: LogRecord[] = [];
  private characters = 0;
  private holdsAll = true;

  /** Whether it has every line of the log. */
  get isComplete(): boolean {
    return this.holdsAll;
  }

  /** @param isWhole whether the log has no line before these */
  begin(records: LogRecord[], isWhole: boolean): void {
    this.clear();
    this.holdsAll = isWhole;
    this.push(records);
  }

  push(records: LogRecord[]): void {
    for (const record of records) {
      this.records.push(record);
      this.characters += record.message.length;
    }
    // Cut in large steps, since shifting an array for each line costs more than the lines do.
    if (this.records.length > MOST_LINES * 2 || (this.characters > MOST_CHARACTERS * 2 && this.records.length > 1))
      this.cut();
  }

  /** Its lines, oldest first. */
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
    while (from > Math.max(0, length - MOST_LINES)) {
      characters += this.records[from - 1]!.message.length;
      if (characters > MOST_CHARACTERS && from < length) break;
      from--;
    }
    this.records = this.records.slice(from);
    this.characters = this.records.reduce((sum, { message }) => sum + message.length, 0);
    this.holdsAll = false;
  }
}
