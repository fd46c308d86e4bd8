const LONGEST = 4_096;

/** Takes lines out of pieces of text, of which only the latest whole one matters. Lines that are too long are left out. */
export class LatestLine {
  private begun = '';
  private isTooLong = false;

  /** @returns the last line that ends in this piece */
  push(piece: string): string | undefined {
    const lines = (this.begun + piece).split('\n');
    this.begun = lines.pop()!;
    if (this.isTooLong && lines.length > 0) lines.shift();
    this.isTooLong = this.begun.length > LONGEST || (this.isTooLong && !piece.includes('\n'));
    if (this.isTooLong) this.begun = '';
    return lines.findLast((line) => line.length <= LONGEST);
  }
}
