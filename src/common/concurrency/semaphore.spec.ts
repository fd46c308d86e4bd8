import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { KeyedSemaphore, NoPermitError, Semaphore } from './semaphore.js';

const PERMITS = 8;
const acquireAll = (semaphore: Semaphore) => Promise.all(Array.from({ length: PERMITS }, () => semaphore.acquire()));

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('Semaphore', () => {
  let semaphore: Semaphore;

  beforeEach(() => {
    semaphore = new Semaphore(PERMITS, { maxWaiting: 1_000, maxWaitMs: 30_000 });
  });

  it('gives the ninth caller a permit when one of eight releases its own', async () => {
    const releases = await acquireAll(semaphore);
    let hasPermit = false;
    const ninth = semaphore.acquire().then(() => (hasPermit = true));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(hasPermit).toBe(false);
    releases[3]!();
    await ninth;
  });

  it('serves callers in the order in which they arrived', async () => {
    const [release] = await acquireAll(semaphore);
    const order: string[] = [];
    const waiting = ['first', 'second', 'third'].map((name) =>
      semaphore.acquire().then((releaseNext) => {
        order.push(name);
        releaseNext();
      }),
    );
    release!();
    await Promise.all(waiting);
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('has all its permits again after all of them were released', async () => {
    for (let round = 0; round < 3; round++) for (const release of await acquireAll(semaphore)) release();
    await expect(acquireAll(semaphore)).resolves.toHaveLength(PERMITS);
  });

  it('counts a permit that is released twice once', async () => {
    const [release] = await acquireAll(semaphore);
    release!();
    release!();
    await semaphore.acquire();
    const excess = semaphore.acquire();
    excess.catch(() => undefined);
    await jest.advanceTimersByTimeAsync(30_000);
    await expect(excess).rejects.toBeInstanceOf(NoPermitError);
  });

  it('refuses a caller that has waited too long, and gives the next permit to another', async () => {
    const [release] = await acquireAll(semaphore);
    const late = semaphore.acquire();
    late.catch(() => undefined);
    await jest.advanceTimersByTimeAsync(30_000);
    await expect(late).rejects.toThrow('no permit within 30000 ms');
    release!();
    await expect(semaphore.acquire()).resolves.toEqual(expect.any(Function));
  });

  it('refuses a caller when a thousand wait already', async () => {
    await acquireAll(semaphore);
    const waiting = Array.from({ length: 1_000 }, () => semaphore.acquire());
    for (const each of waiting) each.catch(() => undefined);
    await expect(semaphore.acquire()).rejects.toBeInstanceOf(NoPermitError);
    await jest.advanceTimersByTimeAsync(30_000);
  });

  it('rejects with the reason of the signal of a caller that stops waiting, and serves the next one', async () => {
    const [release] = await acquireAll(semaphore);
    const leaving = new AbortController();
    const aborted = semaphore.acquire(leaving.signal);
    const next = semaphore.acquire();
    leaving.abort(new Error('the client closed the connection'));
    await expect(aborted).rejects.toThrow('the client closed the connection');
    await expect(semaphore.acquire(leaving.signal)).rejects.toThrow('the client closed the connection');
    release!();
    await expect(next).resolves.toEqual(expect.any(Function));
  });

  it('runs work with a permit, and releases it even when the work fails', async () => {
    const single = new Semaphore(1);
    await expect(single.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(single.isIdle).toBe(true);
    await expect(single.run(async () => single.isIdle)).resolves.toBe(false);
  });
});

describe('KeyedSemaphore', () => {
  it('does not make one key wait for another', async () => {
    const semaphore = new KeyedSemaphore(1);
    await semaphore.acquire('a');
    await expect(semaphore.acquire('b')).resolves.toEqual(expect.any(Function));
  });

  it('keeps the limit of a key over the end of its first holder while another waits', async () => {
    const semaphore = new KeyedSemaphore(1, { maxWaitMs: 100 });
    const release = await semaphore.acquire('a');
    const second = semaphore.acquire('a');
    release();
    const releaseSecond = await second;
    const third = semaphore.acquire('a');
    third.catch(() => undefined);
    await jest.advanceTimersByTimeAsync(100);
    await expect(third).rejects.toBeInstanceOf(NoPermitError);
    releaseSecond();
    await expect(semaphore.acquire('a')).resolves.toEqual(expect.any(Function));
  });
});
