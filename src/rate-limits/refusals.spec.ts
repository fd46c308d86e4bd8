import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { Refusals } from './refusals.js';

describe('the refusals of a flood', () => {
  it('are prompt at first, then delayed', async () => {
    const clock = new FakeClock();
    const refusals = new Refusals(clock);
    let answered = 0;
    for (let at = 0; at < 100; at += 1) void refusals.delay().then(() => (answered += 1));
    await clock.advance(0);
    expect(answered).toBe(20);
    await clock.advance(499);
    expect(answered).toBe(20);
    await clock.advance(1);
    expect(answered).toBe(100);
  });
});
