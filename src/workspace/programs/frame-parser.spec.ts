import { describe, expect, it } from '@jest/globals';
import { FRAME_VECTORS, type FrameVector, TOO_LONG_VECTORS } from '../../../test/support/frames/vectors.js';
import { type Frame, frameHeader, FrameParser } from './frame-parser.js';

const NODE_END = new URL(
  '../../../images/workspace/rootfs/usr/local/lib/devforge/terminal/frames.mjs',
  import.meta.url,
);
const KINDS = 'JDEdosc';
const MAX_PIECE = 7;

/** An implementation of the frame format. */
interface FrameEnd {
  write(kind: string, payload: Buffer): Buffer;
  read(chunks: Buffer[]): FrameVector['frames'];
}

/** What `terminal/frames.mjs` of the workspace images exports. */
interface NodeFrames {
  frame(kind: number, body: Buffer): Buffer;
  FrameReader: new () => { push(chunk: Buffer): { kind: number; body: Buffer }[] };
}

const here: FrameEnd = {
  write: (kind, payload) => Buffer.concat([frameHeader(kind, payload.length), payload]),
  read: (chunks) => {
    const parser = new FrameParser(KINDS, '');
    return chunks.flatMap((chunk) => parser.push(chunk)).map(({ kind, data }) => ({ kind, payload: data }));
  },
};
const inPtyHost = async (): Promise<FrameEnd> => {
  const { frame, FrameReader } = (await import(NODE_END.href)) as NodeFrames;
  return {
    write: (kind, payload) => frame(kind.charCodeAt(0), payload),
    read: (chunks) => {
      const reader = new FrameReader();
      return chunks
        .flatMap((chunk) => reader.push(chunk))
        .map(({ kind, body }) => ({ kind: String.fromCharCode(kind), payload: body }));
    },
  };
};

const inPieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
const readable = (frames: FrameVector['frames']): string[] =>
  frames.map(({ kind, payload }) => `${kind} ${payload.toString('hex')}`);

// The third end, in Python, is held to the same vectors by test/contracts/workspace-programs.test.ts.
describe.each([
  ['DevForge', async () => here],
  ['the PTY host', inPtyHost],
])('frames of %s', (_, load) => {
  it.each(FRAME_VECTORS)('are read: $name, however the stream is cut', async ({ bytes, frames }) => {
    const end = await load();
    for (const size of [...Array.from({ length: MAX_PIECE }, (_unused, index) => index + 1), bytes.length])
      expect(readable(end.read(inPieces(bytes, size)))).toEqual(readable(frames));
  });

  it.each(FRAME_VECTORS)('are written: $name', async ({ bytes, frames }) => {
    const end = await load();
    expect(Buffer.concat(frames.map(({ kind, payload }) => end.write(kind, payload))).toString('hex')).toBe(
      bytes.toString('hex'),
    );
  });

  it.each(FRAME_VECTORS)('are not read before they are complete: $name', async ({ bytes, frames }) => {
    const end = await load();
    expect(readable(end.read([bytes.subarray(0, -1)]))).toEqual(readable(frames.slice(0, -1)));
  });

  it.each(TOO_LONG_VECTORS)('are refused when they are too long: $name', async ({ bytes }) => {
    const end = await load();
    expect(() => end.read([bytes])).toThrow('frame');
  });
});

describe('FrameParser', () => {
  const frame = (kind: string, text: string): Buffer => here.write(kind, Buffer.from(text));
  const texts = (frames: Frame[]): string[] => frames.map(({ data }) => data.toString());

  it.each([1, 2, 3, 4, 5, 6, 7, 13, 1_000])('joins to the same from chunks of %i bytes', (size) => {
    const stream = Buffer.concat([
      frame('J', '{"ok":true}'),
      frame('D', 'some '),
      frame('D', ''),
      frame('D', 'content'),
      frame('E', ''),
    ]);
    const parser = new FrameParser('JE', 'D');
    const frames = inPieces(stream, size).flatMap((chunk) => parser.push(chunk));
    const joined = frames.filter(({ kind }) => kind === 'D').map(({ data }) => data.toString());
    expect(joined.join('')).toBe('some content');
    expect(frames.filter(({ kind }) => kind !== 'D').map(({ kind, data }) => `${kind}${data.toString()}`)).toEqual([
      'J{"ok":true}',
      'E',
    ]);
  });

  it('hands on pieces of streamed kinds at once, and other frames when they are complete', () => {
    const parser = new FrameParser('J', 'D');
    expect(texts(parser.push(frame('D', 'content').subarray(0, 8)))).toEqual(['con']);
    expect(texts(parser.push(Buffer.from('tent')))).toEqual(['tent']);
    expect(parser.push(frame('J', 'whole').subarray(0, 8))).toEqual([]);
    expect(texts(parser.push(Buffer.from('le')))).toEqual(['whole']);
  });

  it.each([
    ['text', Buffer.from('OCI runtime exec failed')],
    ['a kind that was not announced', frame('X', '')],
    ['a frame that is to be given whole and is longer than 4 MiB', frameHeader('J', 5 * 1024 * 1024)],
  ])('refuses %s', (_, chunk) => {
    expect(() => new FrameParser('J', 'D').push(chunk)).toThrow('not a frame');
  });

  it('refuses a frame that is longer than its reader allows before any of it is kept', () => {
    const parser = new FrameParser('J', 'D', 10);
    expect(texts(parser.push(frame('J', '1234567890')))).toEqual(['1234567890']);
    expect(() => parser.push(frameHeader('J', 11))).toThrow('not a frame');
  });
});
