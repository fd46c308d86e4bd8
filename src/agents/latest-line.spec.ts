import { describe, expect, it } from '@jest/globals';
import { LatestLine } from './latest-line.js';

/** @returns the result of each push */
const read = (...chunks: string[]): (string | undefined)[] => {
  const lines = new LatestLine();
  return chunks.map((chunk) => lines.push(chunk));
};

describe('LatestLine', () => {
  it('returns the last line that ends in a chunk', () => {
    expect(read('one\n')).toEqual(['one']);
    expect(read('one\ntwo\nthr', 'ee', '\n')).toEqual(['two', undefined, 'three']);
  });

  it('skips lines that are too long, however they are split into chunks', () => {
    const long = 'x'.repeat(5_000);
    expect(read(`${long}\nok\n`)).toEqual(['ok']);
    expect(read(`ok\n${long}\n`)).toEqual(['ok']);
    expect(read(long, long, `${long}\n`, 'ok\n')).toEqual([undefined, undefined, undefined, 'ok']);
    expect(read(long, `rest\nok\n${long}`, 'rest\nlast\n')).toEqual([undefined, 'ok', 'last']);
    expect(read('x'.repeat(3_000), `${'x'.repeat(3_000)}\n`, 'ok\n')).toEqual([undefined, undefined, 'ok']);
  });
});
