import { DriverError } from '../drivers/driver-error.js';
import type { TerminalSize } from '../drivers/workspace-process.js';
import type { Frame } from '../workspace/programs/frame-parser.js';

/** Kinds of frames between DevForge and a container's PTY host, as in `devforge/terminal/frames.mjs` of the workspace images. */
export const CONTROL = 'c';
export const DATA = 'd';
const SCREEN = 's';
export const PTY_HOST_FRAMES = { whole: `${CONTROL}${DATA}${SCREEN}`, streamed: '' };

const SIZE_BYTES = 4;

/** The first request of a connection; `resize`, `screen` and `end` without an id may follow on one that is attached to a terminal. */
export type PtyHostRequest =
  | { op: 'list' }
  | { op: 'open'; id: string; cols: number; rows: number }
  | { op: 'attach'; id: string }
  | { op: 'end'; id?: string }
  | { op: 'resize'; cols: number; rows: number }
  | { op: 'screen' };

export type PtyHostMessage =
  | { kind: 'control'; message: Record<string, unknown> }
  | { kind: 'output'; text: string }
  | { kind: 'screen'; size: TerminalSize; text: string };

/** Parses a frame, which may come from anything in the container. @throws DriverError `failed` when it is malformed */
export function toPtyHostMessage({ kind, data }: Frame): PtyHostMessage {
  if (kind === DATA) return { kind: 'output', text: data.toString('utf8') };
  if (kind === CONTROL) return { kind: 'control', message: toMessage(data) };
  if (data.length < SIZE_BYTES) throw new DriverError('failed', 'the PTY host sent a screen without its size');
  return {
    kind: 'screen',
    size: { columns: data.readUInt16BE(0), rows: data.readUInt16BE(2) },
    text: data.toString('utf8', SIZE_BYTES),
  };
}

function toMessage(data: Buffer): Record<string, unknown> {
  try {
    const message: unknown = JSON.parse(data.toString('utf8'));
    if (typeof message === 'object' && message !== null) return message as Record<string, unknown>;
  } catch {
    // Reported below.
  }
  throw new DriverError('failed', 'the PTY host sent a malformed message');
}
