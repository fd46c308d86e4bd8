const MAX_LINE_LENGTH = 4_096;

/** Splits a stream of text into lines and keeps the latest complete one. Longer lines are skipped. */
export class LatestLine {
  private partial = '';
  private isTooLong = false;

  /** @returns the last line that ends in this chunk, or undefined */
  push(chunk: string): string | undefined {
    const lines = (this.partial + chunk).split('\n');
    this.partial = lines.pop()!;
    if (this.isTooLong && lines.length > 0) lines.shift();
    this.isTooLong = this.partial.length > MAX_LINE_LENGTH || (this.isTooLong && !chunk.includes('\n'));
    if (this.isTooLong) this.partial = '';
    return lines.findLast((line) => line.length <= MAX_LINE_LENGTH);
  }
}
