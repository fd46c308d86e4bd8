import { describe, expect, it } from '@jest/globals';
import { RefusalLimit } from './refusal-limit.js';

const DAY_MS = 24 * 3_600_000;

function make() {
  let time = 0;
  const limit = new RefusalLimit(() => time);
  const admitted = (caller: string | undefined, count: number): number =>
    Array.from({ length: count }, () => limit.admit(caller)).filter((isAdmitted) => isAdmitted).length;
  return { admitted, limit, advance: (ms: number) => (time += ms) };
}

describe('RefusalLimit', () => {
  it('admits a burst of one caller, then one a minute', () => {
    const { admitted, advance } = make();
    expect(admitted('a', 1_000)).toBe(30);
    advance(60_000);
    expect(admitted('a', 1_000)).toBe(1);
  });

  it('leaves room for known callers when strangers flood', () => {
    const { admitted } = make();
    expect(admitted(undefined, 10_000)).toBe(100);
    expect(admitted('a', 10)).toBe(10);
  });

  it('admits fewer than 20,000 a day, however many callers there are', () => {
    const { limit, advance } = make();
    let count = 0;
    for (let second = 0; second < DAY_MS / 1_000; second += 1) {
      for (let caller = 0; caller < 2; caller += 1) if (limit.admit(`${second} ${caller}`)) count += 1;
      advance(1_000);
    }
    expect(count).toBeLessThan(20_000);
  });
});
