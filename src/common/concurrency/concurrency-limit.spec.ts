import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConcurrencyLimit, ConcurrencyLimitError } from './concurrency-limit.js';

describe('ConcurrencyLimit', () => {
  let limit: ConcurrencyLimit;
  const acquire = (key: string, count: number) => Array.from({ length: count }, () => limit.acquire(key));

  beforeEach(() => {
    limit = new ConcurrencyLimit({ perKey: 16, total: 64 });
  });

  it('refuses the seventeenth of a key until one of sixteen ends, and leaves other keys alone', () => {
    const releases = acquire('a', 16);
    expect(() => limit.acquire('a')).toThrow(new ConcurrencyLimitError('key', 16));
    releases[0]!();
    limit.acquire('a');
    expect(() => limit.acquire('a')).toThrow(expect.objectContaining({ scope: 'key', limit: 16 }) as unknown as Error);
    limit.acquire('b');
  });

  it('refuses the sixty-fifth of all keys, and takes as many again when all have ended', () => {
    const releases = ['a', 'b', 'c', 'd'].flatMap((key) => acquire(key, 16));
    expect(() => limit.acquire('e')).toThrow(
      expect.objectContaining({ scope: 'total', limit: 64 }) as unknown as Error,
    );
    for (const release of releases) release();
    expect(['e', 'f', 'g', 'h'].flatMap((key) => acquire(key, 16))).toHaveLength(64);
  });

  it('counts work that is ended twice once', () => {
    const [release] = acquire('a', 16);
    release!();
    release!();
    limit.acquire('a');
    expect(() => limit.acquire('a')).toThrow(ConcurrencyLimitError);
  });
});
