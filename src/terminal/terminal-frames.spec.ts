import { describe, expect, it } from '@jest/globals';
import { controlFrame, dataFrame, screenFrame } from '../../test/support/terminal/fake-holder.js';
import { HolderFrames, inputFrame, requestFrame } from './terminal-frames.js';

const bytes = Buffer.concat([controlFrame({ ok: true, text: 'é' }), dataFrame('a€🚀'), dataFrame(''), screenFrame(300, 2, '\x1bc'), dataFrame('z'.repeat(70_000))]);
const frames = [
  { kind: 'control', message: { ok: true, text: 'é' } },
  { kind: 'output', text: 'a€🚀' },
  { kind: 'output', text: '' },
  { kind: 'screen', size: { columns: 300, rows: 2 }, text: '\x1bc' },
  { kind: 'output', text: 'z'.repeat(70_000) },
];

describe('frames of the holder', () => {
  it.each([1, 2, 3, 5, 7, 64, 4_096, bytes.length])('are put together from pieces of %d bytes', (size) => {
    const reader = new HolderFrames();
    const read = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => reader.push(bytes.subarray(at * size, (at + 1) * size))).flat();
    expect(read).toEqual(frames);
  });

  it('are what DevForge sends as well', () => {
    const reader = new HolderFrames();
    expect(reader.push(Buffer.concat([requestFrame({ op: 'attach', id: 'x' }), inputFrame(Buffer.from('ls\r'))]))).toEqual([
      { kind: 'control', message: { op: 'attach', id: 'x' } },
      { kind: 'output', text: 'ls\r' },
    ]);
  });

  it.each([
    ['an empty one', Buffer.alloc(5)],
    ['one without bounds', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x64])],
    ['one of an unknown kind', Buffer.from([0, 0, 0, 2, 0x7a, 0])],
    ['a screen without its size', Buffer.from([0, 0, 0, 2, 0x73, 0])],
    ['a message that is no JSON', Buffer.from([0, 0, 0, 2, 0x63, 0x7b])],
    ['a message that is a number', Buffer.from([0, 0, 0, 2, 0x63, 0x35])],
  ])('refuse %s', (_, malformed) => {
    expect(() => new HolderFrames().push(malformed)).toThrow(expect.objectContaining({ name: 'RuntimeError', code: 'failed' }));
  });
});
