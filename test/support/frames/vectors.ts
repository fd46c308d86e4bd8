import { readFileSync } from 'node:fs';

/** A stream of frames, and what is in it. */
export interface FrameVector {
  name: string;
  bytes: Buffer;
  frames: { kind: string; payload: Buffer }[];
}

/** All that a program has written, and what its greeting says. */
export interface GreetingVector {
  name: string;
  program: string;
  output: Buffer;
  version: number;
  /** The output without the greeting. */
  rest: Buffer;
}

interface VectorFile {
  frames: { name: string; bytes: string; frames: { kind: string; payload: string }[] }[];
  tooLong: { name: string; bytes: string }[];
  greetings: { name: string; program: string; output: string; version: number; rest: string }[];
}

const FILE = new URL('vectors.json', import.meta.url);

/** The file as it is, for ends that are written in another language. */
export const VECTORS_JSON = readFileSync(FILE, 'utf8');

const { frames, tooLong, greetings } = JSON.parse(VECTORS_JSON) as VectorFile;
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

export const FRAME_VECTORS: FrameVector[] = frames.map((vector) => ({
  name: vector.name,
  bytes: bytes(vector.bytes),
  frames: vector.frames.map(({ kind, payload }) => ({ kind, payload: bytes(payload) })),
}));

/** Headers of frames that no end takes. */
export const TOO_LONG_VECTORS = tooLong.map((vector) => ({ name: vector.name, bytes: bytes(vector.bytes) }));

export const GREETING_VECTORS: GreetingVector[] = greetings.map((vector) => ({
  ...vector,
  output: bytes(vector.output),
  rest: bytes(vector.rest),
}));
