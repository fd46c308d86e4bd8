/**
 * What travels between DevForge and the holder: frames of a kind (1 byte), a length (4 bytes, of the body) and a body.
 * The same as src/terminals/terminal-frames.ts of DevForge.
 */
export const CONTROL = 0x63;
export const DATA = 0x64;
export const SCREEN = 0x73;

const HEADER_BYTES = 5;
/** DevForge sends nothing that is longer. */
const LONGEST_FRAME = 1024 * 1024;

/** @param {number} kind @param {Buffer | string} body */
export function frame(kind, body) {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const framed = Buffer.allocUnsafe(HEADER_BYTES + bytes.length);
  framed[0] = kind;
  framed.writeUInt32BE(bytes.length, 1);
  bytes.copy(framed, HEADER_BYTES);
  return framed;
}

export const control = (message) => frame(CONTROL, JSON.stringify(message));

/** Columns and rows (2 bytes each), then what draws the screen. */
export function screenFrame({ cols, rows }, text) {
  const size = Buffer.allocUnsafe(4);
  size.writeUInt16BE(cols, 0);
  size.writeUInt16BE(rows, 2);
  return frame(SCREEN, Buffer.concat([size, Buffer.from(text)]));
}

/** Puts frames together again, however they were cut. */
export class FrameReader {
  #rest = Buffer.alloc(0);

  /** @returns {{ kind: number, body: Buffer }[]} @throws Error when it is no frame */
  push(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames = [];
    while (bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + bytes.readUInt32BE(1);
      if (end > LONGEST_FRAME) throw new Error(`a frame of ${end} bytes`);
      if (bytes.length < end) break;
      frames.push({ kind: bytes[0], body: bytes.subarray(HEADER_BYTES, end) });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return frames;
  }
}
