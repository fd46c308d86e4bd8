import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { line } from '../../test/support/logs/fake-log-engine.js';
import type { LogRecord } from '../drivers/workspace-logs.js';
import { DriverError } from '../drivers/driver-error.js';
import { type LogEntry, LogSubscription, type StreamFilter } from './log-subscription.js';

const MIB = 1024 * 1024;
const BATCH_DELAY_MS = 10;

let onEntries: jest.Mock<() => void>;
let subscription: LogSubscription;
let written: number;

function subscribe(filter: StreamFilter = 'all'): void {
  onEntries = jest.fn();
  written = 0;
  subscription = new LogSubscription(filter, onEntries, () => performance.now());
}

beforeEach(() => {
  jest.useFakeTimers();
  subscribe();
});

afterEach(() => {
  jest.useRealTimers();
});

const lines = (count: number, text = ''): LogRecord[] =>
  Array.from({ length: count }, () => line(++written, `${written}${text}`));
const numbersOf = (records: LogRecord[]): number[] => records.map(({ message }) => Number.parseInt(message, 10));

/** The next entry, after the batch delay if necessary. */
function next(): LogEntry | undefined {
  const entry = subscription.take();
  if (entry !== undefined) return entry;
  jest.advanceTimersByTime(BATCH_DELAY_MS);
  return subscription.take();
}

/** Takes at most `max` entries: the numbers of lines, and the other entries in their places. */
function take(max = Number.POSITIVE_INFINITY): (number | string)[] {
  const seen: (number | string)[] = [];
  for (let entry = next(); entry !== undefined; entry = next()) {
    if (entry.kind === 'lines') for (const number of numbersOf(entry.lines)) seen.push(number);
    else seen.push(entry.kind === 'dropped' ? `dropped ${entry.count}` : entry.kind);
    if (--max === 0) break;
  }
  return seen;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

async function isSettled(promise: Promise<void> | undefined): Promise<boolean> {
  let settled = false;
  void promise?.then(() => (settled = true));
  await jest.advanceTimersByTimeAsync(0);
  return settled;
}

describe('the lines of a log subscription', () => {
  it('are kept in order and taken in batches', () => {
    subscription.accept(lines(3));
    subscription.accept(lines(2));
    expect(subscription.take()).toMatchObject({ kind: 'lines', lines: { length: 5 } });
    subscription.accept(lines(1));
    expect(take()).toEqual([6]);
    expect(subscription.take()).toBeUndefined();
  });

  it('are announced at once after a pause, and collected for a moment after a batch', () => {
    subscription.accept(lines(1));
    expect(onEntries).toHaveBeenCalledTimes(1);
    subscription.take();
    for (let at = 0; at < 9; at++) {
      subscription.accept(lines(1));
      expect(subscription.take()).toBeUndefined();
      jest.advanceTimersByTime(1);
    }
    expect(onEntries).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(1);
    expect(onEntries).toHaveBeenCalledTimes(2);
    expect(subscription.take()).toMatchObject({ lines: { length: 9 } });
    jest.advanceTimersByTime(BATCH_DELAY_MS);
    expect(onEntries).toHaveBeenCalledTimes(2);
    subscription.accept(lines(1));
    expect(subscription.take()).toMatchObject({ lines: { length: 1 } });
  });

  it('are not collected once the batch is full, or once another entry follows', () => {
    subscription.accept(lines(1));
    subscription.take();
    subscription.accept(lines(2_001));
    expect(subscription.take()).toMatchObject({ lines: { length: 2_000 } });
    expect(subscription.take()).toBeUndefined();
    subscription.ended('stopped');
    expect([subscription.take()?.kind, subscription.take()?.kind]).toEqual(['lines', 'end']);
  });

  it('are not added to a batch that was taken', () => {
    subscription.accept(lines(1));
    const taken = subscription.take();
    subscription.accept(lines(1));
    expect(taken).toMatchObject({ lines: { length: 1 } });
  });

  it('come in batches of limited number and size', () => {
    subscription.accept(lines(5_000));
    subscription.accept(lines(10, 'x'.repeat(100_000)));
    const batches: LogRecord[][] = [];
    for (let entry = next(); entry?.kind === 'lines'; entry = next()) batches.push(entry.lines);
    expect(batches.flatMap(numbersOf)).toEqual(range(1, 5_010));
    for (const batch of batches) {
      expect(batch.length).toBeLessThanOrEqual(2_000);
      expect(batch.reduce((sum, { message }) => sum + message.length, 0)).toBeLessThanOrEqual(256 * 1024 + 100_010);
    }
  });

  it('of the other stream are left out and not announced', () => {
    subscribe('stderr');
    subscription.accept([line(1, '1')]);
    expect(onEntries).not.toHaveBeenCalled();
    subscription.accept([line(2, '2'), line(3, '3', 'stderr')]);
    expect(take()).toEqual([3]);
    expect([subscription.wants(line(1, '')), subscription.wants(line(1, '', 'stderr'))]).toEqual([false, true]);
  });

  it('keep their order among ends and errors', () => {
    subscription.accept(lines(1));
    subscription.ended('stopped');
    subscription.accept(lines(1));
    subscription.failed(new DriverError('not_found', 'gone'));
    subscription.accept(lines(1));
    expect(take()).toEqual([1, 'end', 2, 'error', 3]);
  });
});

describe('a log subscription', () => {
  it('is drained while few lines are buffered', () => {
    subscription.accept(lines(7_999));
    expect(subscription.whenDrained()).toBeUndefined();
  });

  it.each([
    ['lines', 8_000, ''],
    ['characters', 100, 'x'.repeat(MIB / 100)],
  ])('is drained by taking entries when many %s are buffered', async (_, count, text) => {
    subscription.accept(lines(count, text));
    const drained = subscription.whenDrained();
    expect(await isSettled(drained)).toBe(false);
    take(1);
    expect(await isSettled(drained)).toBe(false);
    take();
    expect(await isSettled(drained)).toBe(true);
  });

  it('has one promise for all who wait until it is drained', async () => {
    subscription.accept(lines(8_000));
    const [first, second] = [subscription.whenDrained(), subscription.whenDrained()];
    take();
    expect([await isSettled(first), await isSettled(second)]).toEqual([true, true]);
    subscription.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('counts as drained when it is closed', async () => {
    subscription.accept(lines(8_000));
    const drained = subscription.whenDrained();
    take(1);
    subscription.close();
    expect([await isSettled(drained), jest.getTimerCount()]).toEqual([true, 0]);
  });

  it('counts as drained when its reader takes nothing for a second', async () => {
    subscription.accept(lines(8_000));
    const drained = subscription.whenDrained();
    await jest.advanceTimersByTimeAsync(999);
    expect(await isSettled(drained)).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await isSettled(drained)).toBe(true);
    await jest.advanceTimersByTimeAsync(1);
    expect(subscription.whenDrained()).toBeUndefined();
  });

  it('is waited for again when a stalled reader takes an entry', async () => {
    subscription.accept(lines(16_000));
    await jest.advanceTimersByTimeAsync(1_001);
    expect(subscription.whenDrained()).toBeUndefined();
    take(1);
    expect(subscription.whenDrained()).toBeInstanceOf(Promise);
  });
});

describe('a stalled reader of a log', () => {
  it('gets every buffered line, and the number of dropped lines in their place', async () => {
    subscription.accept(lines(10, 'x'.repeat(MIB / 4)));
    await jest.advanceTimersByTimeAsync(1_001);
    subscription.accept(lines(7));
    subscription.accept(lines(5));
    expect(take()).toEqual([...range(1, 10), 'dropped 12']);
    subscription.accept(lines(3));
    expect(take()).toEqual([23, 24, 25]);
  });

  it('gets the number of dropped lines for each gap', async () => {
    subscription.accept(lines(10, 'x'.repeat(MIB / 2)));
    await jest.advanceTimersByTimeAsync(1_001);
    subscription.accept(lines(2));
    take(1);
    subscription.accept(lines(1));
    await jest.advanceTimersByTimeAsync(1_001);
    subscription.accept(lines(4));
    expect(take()).toEqual([...range(2, 10), 'dropped 2', 13, 'dropped 4']);
  });

  it('gets the number of dropped lines of its stream only', async () => {
    subscribe('stderr');
    subscription.accept(range(1, 10).map((at) => line(at, 'x'.repeat(MIB / 2), 'stderr')));
    await jest.advanceTimersByTimeAsync(1_001);
    subscription.accept([line(11, 'out'), line(12, 'err', 'stderr'), line(13, 'out')]);
    expect(take().at(-1)).toBe('dropped 1');
  });

  it.each([
    ['empty lines', ''],
    ['long lines', 'x'.repeat(10_000)],
  ])('has a limited amount of %s buffered', async (_, text) => {
    for (let round = 0; round < 500; round++) {
      subscription.accept(lines(100, text));
      const drained = subscription.whenDrained();
      await jest.advanceTimersByTimeAsync(drained === undefined ? 10 : 1_001);
    }
    const seen = take();
    const held = seen.filter((each) => typeof each === 'number').length;
    expect(held).toBeLessThan(17_000);
    expect(held * (text.length + 1)).toBeLessThan(4 * MIB);
    expect(seen.at(-1)).toBe(`dropped ${50_000 - held}`);
  });
});
