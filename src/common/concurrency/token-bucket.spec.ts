import { beforeEach, describe, expect, it } from '@jest/globals';
import { TokenBucket } from './token-bucket.js';

const RATE = { burst: 200, perSecond: 50 };

describe('a token bucket', () => {
  let now = 0;
  let bucket: TokenBucket;
  const spend = (count: number): number => Array.from({ length: count }, () => bucket.spend()).filter(Boolean).length;

  beforeEach(() => {
    bucket = new TokenBucket(() => now, RATE);
  });

  it('allows one burst', () => {
    expect(spend(1_000)).toBe(200);
    expect(bucket.spend()).toBe(false);
  });

  it('takes several tokens at once, or none', () => {
    expect(bucket.spend(199)).toBe(true);
    expect(bucket.spend(2)).toBe(false);
    expect(bucket.spend(1)).toBe(true);
    expect(bucket.spend(1)).toBe(false);
  });

  it('is refilled over time, up to one burst', () => {
    spend(200);
    now += 100;
    expect(spend(1_000)).toBe(5);
    now += 1_000;
    expect(spend(1_000)).toBe(50);
    now += 3_600_000;
    expect(spend(1_000)).toBe(200);
  });

  it('adds up fractions of a token', () => {
    spend(200);
    let allowed = 0;
    for (let at = 0; at < 1_000; at++) {
      now += 1;
      if (bucket.spend()) allowed += 1;
    }
    expect(allowed).toBeGreaterThanOrEqual(49);
    expect(allowed).toBeLessThanOrEqual(50);
  });

  it('never refuses what stays within the rate', () => {
    for (let at = 0; at < 10_000; at++) {
      now += 20;
      expect(bucket.spend()).toBe(true);
    }
  });

  it('is charged for what was done elsewhere, with a debt of one burst at most', () => {
    bucket.charge(150);
    expect(bucket.tokens).toBe(50);
    bucket.charge(1_000);
    expect(bucket.tokens).toBe(-200);
    expect(bucket.secondsUntil(1)).toBeCloseTo(201 / 50);
    now += 8_000;
    expect(bucket.isFull).toBe(true);
  });
});
