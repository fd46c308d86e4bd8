/** What a patch changes. */
export interface DiffStat {
  files: number;
  /** Lines. */
  insertions: number;
  deletions: number;
}

const NEWLINE = '\n'.charCodeAt(0);
const [PLUS, MINUS, BACKSLASH] = Buffer.from('+-\\');
const FILE = 'diff --git ';
const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;
/** Only the beginning of a line is looked at. */
const MAX_HEAD_BYTES = 128;

/** Counts files and lines of a patch of git, which comes in pieces. Binary files have no lines. */
export class DiffStatCounter {
  private readonly stat: DiffStat = { files: 0, insertions: 0, deletions: 0 };
  /** The beginning of the current line. */
  private head: Buffer[] = [];
  private headBytes = 0;
  /** Lines that are left of the current hunk, of the old and of the new file. */
  private oldLines = 0;
  private newLines = 0;

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.extend(chunk, from, end);
      this.count();
      from = end + 1;
    }
    this.extend(chunk, from, chunk.length);
  }

  end(): DiffStat {
    if (this.headBytes > 0) this.count();
    return this.stat;
  }

  private extend(chunk: Buffer, from: number, end: number): void {
    const piece = chunk.subarray(from, Math.min(end, from + MAX_HEAD_BYTES - this.headBytes));
    if (piece.length === 0) return;
    this.head.push(piece);
    this.headBytes += piece.length;
  }

  /** Counts the current line. */
  private count(): void {
    const line = this.head.length === 1 ? this.head[0]! : Buffer.concat(this.head);
    this.head = [];
    this.headBytes = 0;
    const [first] = line;
    if (this.oldLines === 0 && this.newLines === 0) return this.countHeader(line);
    if (first === BACKSLASH) return;
    if (first !== PLUS) this.oldLines -= 1;
    if (first !== MINUS) this.newLines -= 1;
    if (first === PLUS) this.stat.insertions += 1;
    if (first === MINUS) this.stat.deletions += 1;
  }

  private countHeader(line: Buffer): void {
    const text = line.toString('latin1');
    if (text.startsWith(FILE)) this.stat.files += 1;
    const hunk = HUNK.exec(text);
    if (hunk === null) return;
    this.oldLines = Number(hunk[1] ?? 1);
    this.newLines = Number(hunk[2] ?? 1);
  }
}
