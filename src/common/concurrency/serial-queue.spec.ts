import { describe, expect, it } from '@jest/globals';
import { SerialQueue } from './serial-queue.js';

describe('work in order', () => {
  it('begins when the work before has ended, however that ended, and answers each for itself', async () => {
    const order = new SerialQueue();
    const seen: string[] = [];
    const slow = Promise.withResolvers<string>();
    const first = order.run(async () => (seen.push('first begins'), await slow.promise));
    const second = order.run(async () => {
      seen.push('second begins');
      throw new Error('second fails');
    });
    const third = order.run(async () => (seen.push('third begins'), 3));
    await new Promise(setImmediate);
    expect(seen).toEqual(['first begins']);
    slow.resolve('one');
    await expect(first).resolves.toBe('one');
    await expect(second).rejects.toThrow('second fails');
    await expect(third).resolves.toBe(3);
    expect(seen).toEqual(['first begins', 'second begins', 'third begins']);
  });
});
