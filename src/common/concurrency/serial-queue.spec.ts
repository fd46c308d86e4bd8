import { beforeEach, describe, expect, it } from '@jest/globals';
import { SerialQueue } from './serial-queue.js';

describe('SerialQueue', () => {
  let queue: SerialQueue;

  beforeEach(() => {
    queue = new SerialQueue();
  });

  it('begins each piece of work when the one before has ended, even if that failed', async () => {
    const seen: string[] = [];
    const slow = Promise.withResolvers<string>();
    const first = queue.run(async () => (seen.push('first begins'), await slow.promise));
    const second = queue.run(async () => {
      seen.push('second begins');
      throw new Error('second fails');
    });
    const third = queue.run(async () => (seen.push('third begins'), 3));
    await new Promise(setImmediate);
    expect(seen).toEqual(['first begins']);
    slow.resolve('one');
    await expect(first).resolves.toBe('one');
    await expect(second).rejects.toThrow('second fails');
    await expect(third).resolves.toBe(3);
    expect(seen).toEqual(['first begins', 'second begins', 'third begins']);
  });

  it('is drained when all work added so far has ended, even if it failed', async () => {
    await queue.drained();
    const slow = Promise.withResolvers<void>();
    const failing = queue.run(() => slow.promise);
    let isDrained = false;
    const drained = queue.drained().then(() => (isDrained = true));
    await new Promise(setImmediate);
    expect(isDrained).toBe(false);
    slow.reject(new Error('broken'));
    await expect(failing).rejects.toThrow('broken');
    await drained;
  });
});
