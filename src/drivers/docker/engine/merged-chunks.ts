const HEAD_END = '\r\n\r\n';
const MAX_HEAD_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;
const SEMICOLON = 0x3b;
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const LINE_BREAK = Buffer.from('\r\n');
const IS_CHUNKED = /^transfer-encoding:\s*chunked\s*$/im;

type Part = 'head' | 'size' | 'extension' | 'chunk' | 'break' | 'over' | 'plain';

/**
 * Merges the many small chunks of one chunked HTTP/1.1 response into one chunk per block of received data. Responses in
 * another transfer coding pass unchanged.
 */
export class MergedChunks {
  private part: Part = 'head';
  private head: Buffer = Buffer.alloc(0);
  /** The chunk's size while that is read, then the bytes of the chunk still to come. */
  private remaining = 0;

  /**
   * @param data overwritten
   * @throws Error for data that is not HTTP
   */
  push(data: Buffer): Buffer[] {
    if (this.part === 'plain') return [data];
    if (this.part !== 'head') return this.merge(data);
    this.head = Buffer.concat([this.head, data]);
    const end = this.head.indexOf(HEAD_END);
    if (end < 0) {
      if (this.head.length > MAX_HEAD_BYTES) throw new Error("The header of the engine's response is too long.");
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
    const length = this.compact(data);
    const merged =
      length === 0 ? [] : [Buffer.from(`${length.toString(16)}\r\n`), data.subarray(0, length), LINE_BREAK];
    return this.part === 'over' && !wasOver ? [...merged, LAST_CHUNK] : merged;
  }

  /** Moves the content of the chunks to the beginning of the block. @returns its length */
  private compact(data: Buffer): number {
    let at = 0;
    let to = 0;
    while (at < data.length && this.part !== 'over') {
      if (this.part === 'chunk' || this.part === 'break') {
        const length = Math.min(this.remaining, data.length - at);
        if (this.part === 'chunk') {
          data.copyWithin(to, at, at + length);
          to += length;
        }
        at += length;
        this.remaining -= length;
        if (this.remaining === 0) this.next(this.part === 'chunk' ? 'break' : 'size');
      } else {
        this.readSize(data[at++]!);
      }
    }
    return to;
  }

  private readSize(byte: number): void {
    if (byte === LINE_FEED) this.next(this.remaining === 0 ? 'over' : 'chunk');
    else if (byte === SEMICOLON) this.part = 'extension';
    else if (this.part === 'size') this.remaining = this.remaining * 16 + digitOf(byte, this.remaining);
  }

  private next(part: Part): void {
    this.part = part;
    if (part === 'break') this.remaining = LINE_BREAK.length;
  }
}

/** Value of a hexadecimal digit; for a carriage return, the value that leaves the number unchanged. */
function digitOf(byte: number, before: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  if (letter >= 0x61 && letter <= 0x66) return letter - 0x61 + 10;
  if (byte === 0x0d) return before - before * 16;
  throw new Error("A chunk of the engine's response has no size.");
}
