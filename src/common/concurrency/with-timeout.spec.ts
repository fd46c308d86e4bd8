import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { withTimeout } from './with-timeout.js';

describe('withTimeout', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('answers with the result of work that ends in time, and leaves no timer behind', async () => {
    await expect(withTimeout(Promise.resolve('result'), 100)).resolves.toBe('result');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects with the error of work that fails in time, and leaves no timer behind', async () => {
    await expect(withTimeout(Promise.reject(new Error('broken')), 100)).rejects.toThrow('broken');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects when the work takes longer, whatever comes of it later', async () => {
    const work = Promise.withResolvers<string>();
    const outcome = withTimeout(work.promise, 100).catch((error: Error) => error.message);
    await jest.advanceTimersByTimeAsync(99);
    await expect(Promise.race([outcome, 'pending'])).resolves.toBe('pending');
    await jest.advanceTimersByTimeAsync(1);
    await expect(outcome).resolves.toBe('no answer within 100 ms');
    work.reject(new Error('too late to be reported'));
  });
});
