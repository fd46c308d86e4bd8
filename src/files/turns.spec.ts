import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Turns } from './turns.js';

const here = new AbortController().signal;

describe('Turns', () => {
  let turns: Turns;

  beforeEach(() => {
    jest.useFakeTimers();
    turns = new Turns();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const full = () => Promise.all(Array.from({ length: 8 }, () => turns.take('a', here)));

  it('lets eight at a time through, and the ninth when one of them ends', async () => {
    const ends = await full();
    let isThrough = false;
    const ninth = turns.take('a', here).then((end) => {
      isThrough = true;
      return end;
    });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(isThrough).toBe(false);
    ends[3]!();
    await ninth;
    expect(isThrough).toBe(true);
  });

  it('keeps the order of those who wait', async () => {
    const ends = await full();
    const order: string[] = [];
    const waiting = ['first', 'second', 'third'].map((name) =>
      turns.take('a', here).then((end) => {
        order.push(name);
        end();
      }),
    );
    ends[0]!();
    await Promise.all(waiting);
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('keeps containers apart', async () => {
    await full();
    await expect(turns.take('b', here)).resolves.toEqual(expect.any(Function));
  });

  it('lets everybody through again after all turns have ended', async () => {
    for (let round = 0; round < 3; round++) for (const end of await full()) end();
    await expect(full()).resolves.toHaveLength(8);
  });

  it('sends those away who wait for too long, and gives their turn to others', async () => {
    const ends = await full();
    const late = turns.take('a', here);
    late.catch(() => undefined);
    await jest.advanceTimersByTimeAsync(30_000);
    await expect(late).rejects.toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 1 });
    ends[0]!();
    await expect(turns.take('a', here)).resolves.toEqual(expect.any(Function));
  });

  it('forgets those who leave', async () => {
    const ends = await full();
    const leaving = new AbortController();
    const gone = turns.take('a', leaving.signal);
    const next = turns.take('a', here);
    leaving.abort();
    await expect(gone).rejects.toMatchObject({ code: 'too_many_requests' });
    ends[0]!();
    await expect(next).resolves.toEqual(expect.any(Function));
  });

  it('has room for a thousand who wait', async () => {
    await full();
    const waiting = Array.from({ length: 1_000 }, () => turns.take('a', here));
    for (const one of waiting) one.catch(() => undefined);
    await expect(turns.take('a', here)).rejects.toMatchObject({ code: 'too_many_requests' });
    await jest.advanceTimersByTimeAsync(30_000);
  });
});
