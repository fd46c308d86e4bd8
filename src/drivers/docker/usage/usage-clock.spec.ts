import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Moment, UsageClock } from './usage-clock.js';

const HOUR = 3_600_000;
let clock: UsageClock;

beforeEach(() => {
  clock = new UsageClock();
  clock.next(at(0));
});

const at = (ms: number, wrong: Partial<Moment> = {}): Moment => ({
  wall: 1e12 + ms,
  processors: 5e6 + ms,
  arrival: 700 + ms,
  ...wrong,
});

describe('UsageClock', () => {
  it('begins at 0 and follows the clocks that agree', () => {
    expect(new UsageClock().next(at(5))).toBe(0);
    expect([clock.next(at(1_000)), clock.next(at(2_500))]).toEqual([1_000, 2_500]);
  });

  it.each([-HOUR, -300, 300, HOUR])('ignores a wall clock that is set by %i ms', (step) => {
    expect(clock.next(at(1_000, { wall: 1e12 + 1_000 + step }))).toBe(1_000);
    expect(clock.next(at(2_000, { wall: 1e12 + 2_000 + step }))).toBe(2_000);
  });

  it('ignores the arrival of records that come late and together', () => {
    const arrival = 700 + 4_000;
    expect([1_000, 2_000, 3_000].map((ms) => clock.next(at(ms, { arrival })))).toEqual([1_000, 2_000, 3_000]);
  });

  it('ignores processor times that are counted differently', () => {
    expect([clock.next(at(1_000, { processors: 3 })), clock.next(at(2_000, { processors: 5 }))]).toEqual([
      1_000, 2_000,
    ]);
  });

  it('follows the arrival when the engine reports no processor time', () => {
    const processors = undefined;
    clock = new UsageClock();
    clock.next(at(0, { processors }));
    expect(clock.next(at(1_000, { processors, wall: 1e12 - HOUR }))).toBe(1_000);
  });

  it('never goes back', () => {
    clock.next(at(1_000));
    expect(clock.next(at(500, { arrival: 2_000 }))).toBe(1_000);
  });
});
