import { describe, expect, it } from '@jest/globals';
import { line } from '../../../test/support/logs/fake-log-engine.js';
import { LogRing } from './log-ring.js';

const MIB = 1024 * 1024;
const all = (ring: LogRing): string[] => ring.lines(() => true).map(({ message }) => message);

const sizeOf = (ring: LogRing): number => all(ring).length;

function ringOf(count: number, message: (at: number) => string): LogRing {
  const ring = new LogRing();
  for (let at = 1; at <= count; at++) ring.push([line(at, message(at), at % 2 === 0 ? 'stderr' : 'stdout')]);
  return ring;
}

describe('a log ring', () => {
  it('keeps its lines in order', () => {
    const ring = ringOf(4, String);
    expect(all(ring)).toEqual(['1', '2', '3', '4']);
    expect(ring.lines(({ stream }) => stream === 'stderr').map(({ message }) => message)).toEqual(['2', '4']);
    expect(ring.isComplete).toBe(true);
  });

  it.each([1_000, 2_000, 2_001, 3_700, 10_000])('holds between one and two thousand of %i lines', (count) => {
    const ring = ringOf(count, String);
    expect(sizeOf(ring)).toBeGreaterThanOrEqual(1_000);
    expect(sizeOf(ring)).toBeLessThanOrEqual(2_000);
    expect(all(ring).at(-1)).toBe(String(count));
    expect(all(ring)[0]).toBe(String(count - sizeOf(ring) + 1));
    expect(ring.isComplete).toBe(count <= 2_000);
  });

  it.each([100, 100_000, MIB / 2, MIB - 1])('holds at most two MiB of lines of %i characters', (length) => {
    const ring = ringOf(60, (at) => `${at} `.padEnd(length, 'x'));
    const characters = all(ring).reduce((sum, message) => sum + message.length, 0);
    expect(characters).toBeLessThanOrEqual(2 * MIB);
    expect(Number.parseInt(all(ring).at(-1)!, 10)).toBe(60);
    expect(Number.parseInt(all(ring)[0]!, 10)).toBe(60 - sizeOf(ring) + 1);
  });

  it('holds a single line that is larger than its limit', () => {
    const ring = ringOf(3, (at) => String(at).repeat(3 * MIB));
    expect(all(ring).map((message) => message[0])).toEqual(['3']);
  });

  it('can be filled with many lines, and knows whether they are the whole log', () => {
    const ring = new LogRing();
    ring.begin([line(1, 'a'), line(2, 'b')], true);
    expect([ring.isComplete, all(ring)]).toEqual([true, ['a', 'b']]);
    ring.begin([line(2, 'b')], false);
    expect([ring.isComplete, all(ring)]).toEqual([false, ['b']]);
  });

  it('is empty and complete after it was cleared', () => {
    const ring = ringOf(5_000, String);
    ring.clear();
    expect([ring.isComplete, all(ring)]).toEqual([true, []]);
  });
});
