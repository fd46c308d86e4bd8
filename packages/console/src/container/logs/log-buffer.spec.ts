import { describe, expect, it } from '@jest/globals';
import { appendLines, asFile, filterLines } from './log-buffer.ts';

const line = (message: string) => ({ timestamp: 'T', stream: 'stdout' as const, message });

describe('the lines of a log', () => {
  it('are numbered on, and the oldest go when there are too many', () => {
    const first = appendLines([], [line('a'), line('b')]);
    expect(appendLines(first, [line('c')]).map(({ number, message }) => [number, message])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    const many = appendLines(
      first,
      Array.from({ length: 20_000 }, () => line('x')),
    );
    expect([many.length, many[0]!.number]).toEqual([20_000, 3]);
  });

  it('are found by their text without its colours', () => {
    const lines = appendLines([], [line('\u001b[31mFai\u001b[0mled'), line('ok')]);
    expect(filterLines(lines, ' failed ')).toHaveLength(1);
    expect(filterLines(lines, '')).toHaveLength(2);
    expect(asFile(lines)).toBe('T stdout Failed\nT stdout ok\n');
  });
});
