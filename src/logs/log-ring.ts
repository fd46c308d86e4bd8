import type { LogRecord } from '../runtime/container-runtime.js';

const MOST_LINES = 1_000;
const MOST_CHARACTERS = 1024 * 1024;

/** The latest lines of one log, bounded in number and size. */
export class LogRing {
  private records: LogRecord[] = [];
  private characters = 0;
  private cutBefore = false;

  /** Whether it had to let go of lines. */
  get isCut(): boolean {
    return this.cutBefore;
  }

  get size(): number {
    return this.records.length;
  }

  push(record: LogRecord): void {
    this.records.push(record);
    this.characters += record.message.length;
    // Cut in large steps, since shifting an array for each line costs more than the lines do.
    if (this.records.length > MOST_LINES * 2 || (this.characters > MOST_CHARACTERS * 2 && this.records.length > 1)) this.cut();
  }

  /** Its lines, oldest first. */
  lines(wants: (record: LogRecord) => boolean): LogRecord[] {
    return this.records.filter(wants);
  }

  clear(): void {
    this.records = [];
    this.characters = 0;
    this.cutBefore = false;
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
    this.cutBefore = true;
  }
}
