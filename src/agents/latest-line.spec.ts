import { describe, expect, it } from '@jest/globals';
import { LatestLine } from './latest-line.js';

/** What each piece gives. */
const read = (...pieces: string[]): (string | undefined)[] => {
  const lines = new LatestLine();
  return pieces.map((piece) => lines.push(piece));
};

describe('the latest line', () => {
  it('is the last whole one of a piece', () => {
    expect(read('one\n')).toEqual(['one']);
    expect(read('one\ntwo\nthr', 'ee', '\n')).toEqual(['two', undefined, 'three']);
  });

  it('is none that is too long, in whatever pieces it comes', () => {
    const long = 'x'.repeat(5_000);
    expect(read(`${long}\nok\n`)).toEqual(['ok']);
    expect(read(`ok\n${long}\n`)).toEqual(['ok']);
    expect(read(long, long, `${long}\n`, 'ok\n')).toEqual([undefined, undefined, undefined, 'ok']);
    expect(read(long, `rest\nok\n${long}`, 'rest\nlast\n')).toEqual([undefined, 'ok', 'last']);
    expect(read('x'.repeat(3_000), `${'x'.repeat(3_000)}\n`, 'ok\n')).toEqual([undefined, undefined, 'ok']);
  });
});
