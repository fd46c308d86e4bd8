import { describe, expect, it } from '@jest/globals';
import { ExecFrames } from './exec-frames.js';

function frame(stream: 1 | 2, text: string): Buffer {
  const data = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

function read(chunks: Buffer[]): { stdout: string; stderr: string } {
  const frames = new ExecFrames();
  const seen = { stdout: '', stderr: '' };
  for (const chunk of chunks)
    for (const { stream, data } of frames.push(chunk)) seen[stream] += data.toString('latin1');
  return seen;
}

describe('ExecFrames', () => {
  const whole = Buffer.concat([frame(1, 'one'), frame(2, 'two'), frame(1, ''), frame(1, 'three')]);

  it('separates the streams', () => {
    expect(read([whole])).toEqual({ stdout: 'onethree', stderr: 'two' });
  });

  it.each([1, 2, 3, 5, 7, 8, 9, 11])('reads the same from chunks of %i bytes', (size) => {
    const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
      whole.subarray(index * size, (index + 1) * size),
    );
    expect(read(chunks)).toEqual({ stdout: 'onethree', stderr: 'two' });
  });

  it('passes on the parts of an incomplete frame', () => {
    const frames = new ExecFrames();
    expect(frames.push(frame(1, 'a long one').subarray(0, 12)).map(({ data }) => data.toString())).toEqual(['a lo']);
  });
});
