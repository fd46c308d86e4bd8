import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { readSettings } from '../config/environment.js';
import { RateLimiter } from './rate-limiter.js';

/** 60 a minute, of which 10 at once. */
const SETTINGS = readSettings({ RATE_LIMIT_REQUESTS: '60', RATE_LIMIT_CREATES: '0' });

describe('a rate limiter', () => {
  let clock: FakeClock;
  let limiter: RateLimiter;
  /** @returns how many were allowed */
  const take = (by: RateLimiter, principal: string, count: number): number =>
    Array.from({ length: count }, () => by.take('requests', principal)).filter(({ allowed }) => allowed).length;

  beforeEach(() => {
    clock = new FakeClock();
    limiter = new RateLimiter(SETTINGS, clock);
  });

  it('limits each principal by itself, and tells what is left', async () => {
    expect(limiter.take('requests', 'a')).toEqual({
      allowed: true,
      limit: 10,
      remaining: 9,
      resetSeconds: 1,
      retryAfterSeconds: 0,
    });
    expect(take(limiter, 'a', 20)).toBe(9);
    expect(limiter.take('requests', 'a')).toEqual({
      allowed: false,
      limit: 10,
      remaining: 0,
      resetSeconds: 10,
      retryAfterSeconds: 1,
    });
    expect(take(limiter, 'b', 20)).toBe(10);
    await clock.advance(3_000);
    expect(take(limiter, 'a', 20)).toBe(3);
  });

  it('forgets those that did nothing for the longest time when there are very many, and nobody else', () => {
    take(limiter, 'idle', 10);
    take(limiter, 'active', 10);
    for (let at = 0; at < 10; at += 1) {
      for (let each = 0; each < 2_500; each += 1) limiter.take('requests', `${at} ${each}`);
      expect(limiter.take('requests', 'active').allowed).toBe(false);
    }
    expect(limiter.take('requests', 'idle').allowed).toBe(true);
  });

  it('limits nothing without a limit', () => {
    for (let at = 0; at < 1_000; at += 1) expect(limiter.take('creates', 'a').allowed).toBe(true);
  });

  describe('of several processes', () => {
    let other: RateLimiter;
    let totals: Map<string, number>;
    const add = async (taken: ReadonlyMap<string, number>): Promise<Map<string, number>> => {
      for (const [key, count] of taken) totals.set(key, (totals.get(key) ?? 0) + count);
      return new Map([...totals].filter(([key]) => taken.has(key)));
    };

    beforeEach(() => {
      other = new RateLimiter(SETTINGS, clock);
      totals = new Map();
    });

    it('counts what was taken elsewhere, once', async () => {
      take(limiter, 'a', 1);
      take(other, 'a', 1);
      await limiter.exchange(add);
      await other.exchange(add);
      expect(take(other, 'a', 6)).toBe(6);
      await other.exchange(add);
      await limiter.exchange(add);
      await limiter.exchange(add);
      // Of its 10, one was taken here, and seven there, of which the first before they had met.
      expect(take(limiter, 'a', 20)).toBe(2);
    });

    it('asks for nothing when nobody did anything', async () => {
      let asked = 0;
      const count = async (): Promise<Map<string, number>> => {
        asked += 1;
        return new Map();
      };
      await limiter.exchange(count);
      take(limiter, 'a', 1);
      await clock.advance(60_000);
      await limiter.exchange(count);
      expect(asked).toBe(1);
      await limiter.exchange(add);
      await limiter.exchange(count);
      expect(asked).toBe(1);
    });

    it('keeps what was taken when the totals cannot be reached', async () => {
      take(limiter, 'a', 4);
      await expect(limiter.exchange(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
      await limiter.exchange(add);
      expect(totals.get('requests:a')).toBe(4);
    });
  });
});
