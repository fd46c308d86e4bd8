import { describe, expect, it } from '@jest/globals';
import { frameHeader, FrameParser } from './frame-parser.js';

const frame = (kind: string, text: string): Buffer =>
  Buffer.concat([frameHeader(kind, Buffer.byteLength(text)), Buffer.from(text)]);
const stream = Buffer.concat([
  frame('J', '{"ok":true}'),
  frame('D', 'some '),
  frame('D', ''),
  frame('D', 'content'),
  frame('E', ''),
  frame('J', '{}'),
]);

function read(chunks: Buffer[]): string[] {
  const parser = new FrameParser('JE', 'D');
  const read: string[] = [];
  for (const chunk of chunks) {
    for (const { kind, data } of parser.push(chunk)) {
      if (kind === 'D' && read.at(-1)?.startsWith('D')) read[read.length - 1] += data.toString();
      else read.push(`${kind}${data.toString()}`);
    }
  }
  return read;
}

describe('FrameParser', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 13, 1_000])('reads the same from chunks of %i bytes', (size) => {
    const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
      stream.subarray(index * size, (index + 1) * size),
    );
    expect(read(chunks)).toEqual(['J{"ok":true}', 'Dsome content', 'E', 'J{}']);
  });

  it('hands on what is streamed before it is whole, and the rest only then', () => {
    const parser = new FrameParser('J', 'D');
    expect(parser.push(frame('D', 'content').subarray(0, 8)).map(({ data }) => data.toString())).toEqual(['con']);
    expect(parser.push(Buffer.from('tent')).map(({ data }) => data.toString())).toEqual(['tent']);
    expect(parser.push(frame('J', 'whole').subarray(0, 8))).toEqual([]);
    expect(parser.push(Buffer.from('le')).map(({ data }) => data.toString())).toEqual(['whole']);
  });

  it.each([
    ['words', Buffer.from('OCI runtime exec failed')],
    ['a kind that nobody sends', frame('X', '')],
    ['a frame that is wanted whole and too long for that', frameHeader('J', 5 * 1024 * 1024)],
  ])('refuses %s', (_, chunk) => {
    expect(() => new FrameParser('J', 'D').push(chunk)).toThrow('no frame');
  });
});
