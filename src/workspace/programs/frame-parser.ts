import { GrowingBuffer } from '../../common/bytes/growing-buffer.js';

const HEADER_BYTES = 5;
const MAX_WHOLE_BYTES = 4 * 1024 * 1024;

/** A frame, or a piece of one whose kind is streamed. */
export interface Frame {
  /** One character. */
  kind: string;
  data: Buffer;
}

/**
 * A frame is one byte of kind, four bytes of payload length (big-endian), the payload. The workspace images have the same
 * format in `terminal/frames.mjs` and `tools/frames.py`; test/support/frames/vectors.json holds all three to it.
 */
export function frameHeader(kind: string, length: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(kind, 'latin1');
  header.writeUInt32BE(length, 1);
  return header;
}

/** Cuts a stream into frames. The payload of streamed kinds is handed on as it arrives, without a copy. */
export class FrameParser {
  private header = Buffer.alloc(0);
  private kind = '';
  private missing = 0;
  private readonly payload = new GrowingBuffer();

  /**
   * @param whole the kinds whose frames are given whole
   * @param streamed the kinds whose frames are given in pieces
   * @param maxWholeBytes the longest payload of a frame that is given whole
   */
  constructor(
    private readonly whole: string,
    private readonly streamed: string,
    private readonly maxWholeBytes = MAX_WHOLE_BYTES,
  ) {}

  /** @throws Error for bytes that are not a frame, and for a whole frame that is too long */
  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.kind === '') {
        at = this.readHeader(chunk, at);
        if (this.kind !== '' && this.missing === 0) frames.push(this.finish());
        continue;
      }
      const data = chunk.subarray(at, at + this.missing);
      at += data.length;
      this.missing -= data.length;
      if (this.streamed.includes(this.kind)) {
        frames.push({ kind: this.kind, data });
        if (this.missing === 0) this.kind = '';
      } else {
        this.payload.append(data);
        if (this.missing === 0) frames.push(this.finish());
      }
    }
    return frames;
  }

  private readHeader(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + HEADER_BYTES - this.header.length);
    this.header = Buffer.concat([this.header, chunk.subarray(at, end)]);
    if (this.header.length < HEADER_BYTES) return end;
    this.kind = this.header.toString('latin1', 0, 1);
    this.missing = this.header.readUInt32BE(1);
    this.header = Buffer.alloc(0);
    const isWhole = this.whole.includes(this.kind) && this.missing <= this.maxWholeBytes;
    if (!isWhole && !this.streamed.includes(this.kind)) throw new Error('not a frame');
    return end;
  }

  private finish(): Frame {
    const frame = { kind: this.kind, data: this.payload.take() };
    this.kind = '';
    return frame;
  }
}
