import { describe, expect, it } from '@jest/globals';
import { TokenBucket } from '../../common/concurrency/token-bucket.js';
import { TERMINAL_INPUT_RATE } from './message-rates.js';

describe('the rate of terminal input', () => {
  it('allows a pasted megabyte, fast typing and mouse events, but no flood', () => {
    let now = 0;
    const bucket = new TokenBucket(() => now, TERMINAL_INPUT_RATE);
    const spend = (count: number): number => Array.from({ length: count }, () => bucket.spend()).filter(Boolean).length;
    expect(spend(64)).toBe(64);
    expect(spend(10_000)).toBe(936);
    now += 1_000;
    expect(spend(10_000)).toBe(300);
  });
});
