/**
 * Frames between DevForge and the PTY host: a kind (1 byte), the length of the body (4 bytes, big-endian), the body.
 * DevForge has the same format in src/workspace/programs/frame-parser.ts and in tools/frames.py, and holds all three to
 * test/support/frames/vectors.json. The kinds are those of src/terminals/terminal-frames.ts.
 */
export const CONTROL = 0x63;
export const DATA = 0x64;
export const SCREEN = 0x73;

const HEADER_BYTES = 5;
/** DevForge sends no longer frames. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** @param {number} kind @param {Buffer | string} body */
export function frame(kind, body) {
  const length = Buffer.byteLength(body);
  const framed = Buffer.allocUnsafe(HEADER_BYTES + length);
  framed[0] = kind;
  framed.writeUInt32BE(length, 1);
  if (typeof body === 'string') framed.write(body, HEADER_BYTES);
  else body.copy(framed, HEADER_BYTES);
  return framed;
}

/** @param {object} message */
export const control = (message) => frame(CONTROL, JSON.stringify(message));

/** Columns and rows (2 bytes each), then the output that draws the screen. @param {{ cols: number, rows: number }} size @param {string} text */
export function screenFrame({ cols, rows }, text) {
  const size = Buffer.allocUnsafe(4);
  size.writeUInt16BE(cols, 0);
  size.writeUInt16BE(rows, 2);
  return frame(SCREEN, Buffer.concat([size, Buffer.from(text)]));
}

/** Reassembles frames from chunks of any size. */
export class FrameReader {
  /** @type {Buffer} */
  #rest = Buffer.alloc(0);

  /** @param {Buffer} chunk @returns {{ kind: number, body: Buffer }[]} @throws Error when a frame is too long */
  push(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames = [];
    while (bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + bytes.readUInt32BE(1);
      if (end > MAX_FRAME_BYTES) throw new Error(`a frame of ${end} bytes`);
      if (bytes.length < end) break;
      frames.push({ kind: bytes.readUInt8(0), body: bytes.subarray(HEADER_BYTES, end) });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return frames;
  }
}
