import { beforeEach, describe, expect, it } from '@jest/globals';
import { RevisionCache } from './revision-cache.js';

describe('a revision cache', () => {
  let stored: string | null;
  let reads: number;
  let hold: Promise<void> | undefined;
  let cache: RevisionCache<string | null>;
  const read = async (): Promise<string | null> => {
    reads += 1;
    const value = stored;
    await hold;
    return value;
  };

  beforeEach(() => {
    [stored, reads, hold] = ['a', 0, undefined];
    cache = new RevisionCache(read);
  });

  it('reads once until it is asked to forget', async () => {
    await cache.get('x');
    stored = 'b';
    await expect(cache.get('x')).resolves.toBe('a');
    expect(reads).toBe(1);
    cache.forget();
    await expect(cache.get('x')).resolves.toBe('b');
  });

  it('does not keep what was read before a change and arrives after it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    hold = promise;
    const early = cache.get('x');
    stored = 'b';
    cache.forget();
    resolve();
    await expect(early).resolves.toBe('a');
    await expect(cache.get('x')).resolves.toBe('b');
  });

  it('keeps null only where that is asked for', async () => {
    stored = null;
    await cache.get('x');
    await cache.get('x');
    expect(reads).toBe(2);
    const keeping = new RevisionCache(read, () => true);
    await keeping.get('x');
    await keeping.get('x');
    expect(reads).toBe(3);
  });
});
