const HEAD_END = '\r\n\r\n';
const LONGEST_HEAD_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;
const SEMICOLON = 0x3b;
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const LINE_BREAK = Buffer.from('\r\n');
const IS_CHUNKED = /^transfer-encoding:\s*chunked\s*$/im;

type Part = 'head' | 'size' | 'extension' | 'chunk' | 'break' | 'over' | 'plain';

/**
 * Makes the many small chunks of one HTTP/1.1 answer into few large ones, one for each block of data that comes in. An
 * answer of another coding is passed on as it is.
 */
export class MergedChunks {
  private part: Part = 'head';
  private head: Buffer = Buffer.alloc(0);
  /** Of the chunk's size while that is read, and of the chunk that is left. */
  private left = 0;

  /**
   * @param data overwritten
   * @throws Error for what is no HTTP
   */
  push(data: Buffer): Buffer[] {
    if (this.part === 'plain') return [data];
    if (this.part !== 'head') return this.merge(data);
    this.head = Buffer.concat([this.head, data]);
    const end = this.head.indexOf(HEAD_END);
    if (end < 0) {
      if (this.head.length > LONGEST_HEAD_BYTES) throw new Error('The engine answers with a head that does not end.');
      return [];
    }
    const { head } = this;
    this.head = Buffer.alloc(0);
    const isChunked = IS_CHUNKED.test(head.toString('latin1', 0, end));
    this.part = isChunked ? 'size' : 'plain';
    if (!isChunked) return [head];
    const bodyAt = end + HEAD_END.length;
    return [head.subarray(0, bodyAt), ...this.merge(head.subarray(bodyAt))];
  }

  private merge(data: Buffer): Buffer[] {
    const wasOver = this.part === 'over';
    const length = this.moveTogether(data);
    const merged =
      length === 0 ? [] : [Buffer.from(`${length.toString(16)}\r\n`), data.subarray(0, length), LINE_BREAK];
    return this.part === 'over' && !wasOver ? [...merged, LAST_CHUNK] : merged;
  }

  /** Moves what the chunks hold to the beginning of the block. @returns how many bytes that is */
  private moveTogether(data: Buffer): number {
    let at = 0;
    let to = 0;
    while (at < data.length && this.part !== 'over') {
      if (this.part === 'chunk' || this.part === 'break') {
        const length = Math.min(this.left, data.length - at);
        if (this.part === 'chunk') {
          data.copyWithin(to, at, at + length);
          to += length;
        }
        at += length;
        this.left -= length;
        if (this.left === 0) this.next(this.part === 'chunk' ? 'break' : 'size');
      } else {
        this.readSize(data[at++]!);
      }
    }
    return to;
  }

  private readSize(byte: number): void {
    if (byte === LINE_FEED) this.next(this.left === 0 ? 'over' : 'chunk');
    else if (byte === SEMICOLON) this.part = 'extension';
    else if (this.part === 'size') this.left = this.left * 16 + digitOf(byte, this.left);
  }

  private next(part: Part): void {
    this.part = part;
    if (part === 'break') this.left = LINE_BREAK.length;
  }
}

/** Of a hexadecimal number; the carriage return behind it changes nothing. */
function digitOf(byte: number, before: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  if (letter >= 0x61 && letter <= 0x66) return letter - 0x61 + 10;
  if (byte === 0x0d) return before - before * 16;
  throw new Error('The engine answers with a chunk of no size.');
}
