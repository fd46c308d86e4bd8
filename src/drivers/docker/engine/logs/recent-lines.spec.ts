import { describe, expect, it } from '@jest/globals';
import type { LogRecord } from '../../../workspace-logs.js';
import { RecentLines } from './recent-lines.js';

const MIB = 1024 * 1024;
const line = (message: string): LogRecord => ({ stream: 'stdout', timestamp: '', message });
const numbers = (recent: RecentLines): number[] => recent.lines.map(({ message }) => Number.parseInt(message, 10));

describe('RecentLines', () => {
  it.each([0, 1, 10, 5_000])('keeps the last %i, in order', (count) => {
    const recent = new RecentLines(count);
    for (let at = 1; at <= 20_000; at += 4) recent.add([0, 1, 2, 3].map((more) => line(String(at + more))));
    expect(numbers(recent)).toEqual(Array.from({ length: count }, (_, at) => 20_001 - count + at));
    expect(recent.isCut).toBe(false);
  });

  it('keeps all when there are fewer', () => {
    const recent = new RecentLines(10);
    recent.add([line('1'), line('2')]);
    expect(numbers(recent)).toEqual([1, 2]);
  });

  it('keeps fewer when the lines are very long', () => {
    const recent = new RecentLines(100);
    for (let at = 1; at <= 100; at++) recent.add([line(`${at} `.padEnd(MIB, 'x'))]);
    expect(numbers(recent)).toEqual(Array.from({ length: 32 }, (_, at) => 69 + at));
    expect(recent.isCut).toBe(true);
  });

  it('keeps at least the last line', () => {
    const recent = new RecentLines(3);
    recent.add([line('1 '.padEnd(40 * MIB, 'x')), line('2 '.padEnd(40 * MIB, 'x'))]);
    expect(numbers(recent)).toEqual([2]);
  });
});
