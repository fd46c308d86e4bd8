import { RuntimeError, type TerminalSize } from '../runtime/container-runtime.js';

/**
 * What travels between DevForge and the holder of a container's terminals: frames of a length (4 bytes, of what follows),
 * a kind (1 byte) and a body. The same as `images/workspace/rootfs/usr/local/lib/devforge/terminal/frames.mjs`.
 */
const CONTROL = 0x63;
const DATA = 0x64;
const SCREEN = 0x73;

const LENGTH_BYTES = 4;
const HEADER_BYTES = LENGTH_BYTES + 1;
const SIZE_BYTES = 4;
/** The holder draws a screen with two million characters at most. What comes from a container is not trusted all the same. */
const LONGEST_BODY = 8 * 1024 * 1024;

/** One request opens a connection; `resize`, `screen` and `end` without an id may follow on one that watches a terminal. */
export type HolderRequest =
  | { op: 'list' }
  | { op: 'open'; id: string; cols: number; rows: number }
  | { op: 'attach'; id: string }
  | { op: 'end'; id?: string }
  | { op: 'resize'; cols: number; rows: number }
  | { op: 'screen' };

export type HolderFrame =
  | { kind: 'control'; message: Record<string, unknown> }
  | { kind: 'output'; text: string }
  | { kind: 'screen'; size: TerminalSize; text: string };

export function requestFrame(request: HolderRequest): Buffer {
  return frame(CONTROL, Buffer.from(JSON.stringify(request)));
}

export function inputFrame(data: Buffer): Buffer {
  return frame(DATA, data);
}

/** Puts the holder's frames together again, however they were cut. */
export class HolderFrames {
  private chunks: Buffer[] = [];
  private size = 0;
  private wanted = HEADER_BYTES;

  /** @throws RuntimeError `failed` when it is no frame */
  push(chunk: Buffer): HolderFrame[] {
    this.chunks.push(chunk);
    this.size += chunk.length;
    const frames: HolderFrame[] = [];
    while (this.size >= this.wanted) {
      const bytes = Buffer.concat(this.chunks);
      const length = bytes.readUInt32BE(0);
      if (length < 1 || length > LONGEST_BODY) throw new RuntimeError('failed', `a frame of ${length} bytes came from the holder of the terminals`);
      const end = LENGTH_BYTES + length;
      const isWhole = bytes.length >= end;
      if (isWhole) frames.push(toFrame(bytes[LENGTH_BYTES]!, bytes.subarray(HEADER_BYTES, end)));
      const rest = isWhole ? bytes.subarray(end) : bytes;
      this.chunks = [rest];
      this.size = rest.length;
      this.wanted = isWhole ? HEADER_BYTES : end;
    }
    return frames;
  }
}

function frame(kind: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length + 1, 0);
  header[LENGTH_BYTES] = kind;
  return Buffer.concat([header, body]);
}

function toFrame(kind: number, body: Buffer): HolderFrame {
  if (kind === DATA) return { kind: 'output', text: body.toString('utf8') };
  if (kind === SCREEN && body.length >= SIZE_BYTES) {
    return { kind: 'screen', size: { columns: body.readUInt16BE(0), rows: body.readUInt16BE(2) }, text: body.toString('utf8', SIZE_BYTES) };
  }
  if (kind === CONTROL) return { kind: 'control', message: toMessage(body) };
  throw new RuntimeError('failed', `a frame of an unknown kind came from the holder of the terminals`);
}

function toMessage(body: Buffer): Record<string, unknown> {
  try {
    const message: unknown = JSON.parse(body.toString('utf8'));
    if (typeof message === 'object' && message !== null) return message as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new RuntimeError('failed', 'a malformed message came from the holder of the terminals');
}
