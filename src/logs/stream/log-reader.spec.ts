import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, FakeLogEngine, FastClock, line, pause } from '../../../test/support/logs/fake-log-engine.js';
import type { LogRecord } from '../../drivers/workspace-logs.js';
import type { DriverError } from '../../drivers/driver-error.js';
import { LogReader } from './log-reader.js';

const HOUR = 3_600e9;
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}`);

let engine: FakeLogEngine;
let reader: LogReader;
let seen: string[];
let stopped: AbortController;
let backpressure: Promise<void> | undefined;
let outcome: Promise<string>;

beforeEach(() => {
  engine = new FakeLogEngine();
  engine.batchSize = 100;
  engine.run('one');
  seen = [];
  backpressure = undefined;
  stopped = new AbortController();
  const take = (records: LogRecord[]): Promise<void> | undefined => {
    seen.push(...records.map(({ message }) => message));
    return backpressure;
  };
  reader = new LogReader({ id: 'c1', runtimeId: 'one' }, engine.driver, new FastClock(), {
    accept: take,
    missed: () => seen.push('[missed]'),
  });
});

afterEach(async () => {
  stopped.abort();
  await outcome;
});

function read(): void {
  outcome = reader.follow(stopped.signal).then(
    () => 'ended',
    (error: DriverError) => error.code,
  );
}

describe('a log that is followed', () => {
  it('continues after its initial lines', async () => {
    engine.write('one', ...numbers(1, 30));
    const beginning = await reader.readInitial(10, stopped.signal);
    expect(beginning.map(({ message }) => message)).toEqual(numbers(21, 30));
    read();
    engine.write('one', ...numbers(31, 300));
    await eventually(() => seen.length >= 270);
    expect(seen).toEqual(numbers(31, 300));
  });

  it('is read from its first line when it was empty', async () => {
    await expect(reader.readInitial(10, stopped.signal)).resolves.toEqual([]);
    engine.write('one', ...numbers(1, 9_000));
    read();
    await eventually(() => seen.length >= 9_000);
    expect(seen).toEqual(numbers(1, 9_000));
  });

  it('ends with the container', async () => {
    read();
    engine.write('one', 'last');
    engine.stop('one');
    await expect(outcome).resolves.toBe('ended');
    expect(seen).toEqual(['last']);
  });

  it('is resumed at its position, however far back that is', async () => {
    engine.write('one', ...numbers(1, 10));
    await reader.readInitial(10, stopped.signal);
    engine.write('one', ...numbers(11, 20_000));
    read();
    await eventually(() => seen.length >= 19_990);
    engine.write('one', 'live');
    await eventually(() => seen.at(-1) === 'live');
    expect(seen).toEqual([...numbers(11, 20_000), 'live']);
  });

  it('reports missed lines when the position is gone, and continues with the existing lines', async () => {
    engine.write('one', ...numbers(1, 10));
    await reader.readInitial(10, stopped.signal);
    engine.write('one', ...numbers(11, 6_000));
    engine.forget('one', 1_000);
    read();
    await eventually(() => seen.at(-1) === 'line 6000');
    engine.write('one', 'live');
    await eventually(() => seen.at(-1) === 'live');
    expect(seen).toEqual(['[missed]', ...numbers(1_001, 6_000), 'live']);
  });

  it('reports missed lines even when older lines follow the lost position', async () => {
    engine.append('one', line(100, 'place'));
    await reader.readInitial(10, stopped.signal);
    engine.append('one', line(50, 'set back'), line(101, 'later'));
    engine.forget('one', 1);
    read();
    await eventually(() => seen.length >= 2);
    expect(seen).toEqual(['[missed]', 'later']);
  });

  it('continues when the whole log is gone', async () => {
    engine.write('one', ...numbers(1, 10));
    await reader.readInitial(10, stopped.signal);
    engine.forget('one', 10);
    read();
    await eventually(() => seen.includes('[missed]'));
    await eventually(() => engine.requests.at(-1)!.tail === 0);
    engine.write('one', 'live', 'on');
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual(['[missed]', 'live', 'on']);
  });
});

describe("the remaining lines of a stopped container's log", () => {
  it('are those after the position, including an unfinished one', async () => {
    engine.write('one', ...numbers(1, 10));
    await reader.readInitial(4, stopped.signal);
    engine.write('one', ...numbers(11, 12));
    const rest = await reader.readRemaining(stopped.signal);
    expect(rest.map(({ message }) => message)).toEqual(numbers(11, 12));
    await reader.deliver(rest);
    await expect(reader.readRemaining(stopped.signal)).resolves.toEqual([]);
    expect(seen).toEqual(numbers(11, 12));
  });
});

describe('a followed log', () => {
  beforeEach(async () => {
    engine.write('one', ...numbers(1, 5));
    await reader.readInitial(5, stopped.signal);
    read();
    engine.write('one', ...numbers(6, 200));
    await eventually(() => seen.length >= 195);
  });

  const expectLinesTo = async (last: number): Promise<void> => {
    await eventually(() => seen.length >= last - 5, 10_000);
    expect(seen).toEqual(numbers(6, last));
  };

  it('fails, rather than ends, when the engine breaks the stream', async () => {
    engine.breakStreams();
    await expect(outcome).resolves.toBe('unavailable');
    engine.write('one', ...numbers(201, 400));
    read();
    await expectLinesTo(400);
  });

  it('is resumed when the stream stalls although the log has new lines', async () => {
    engine.stallStreams();
    engine.write('one', ...numbers(201, 400));
    await expectLinesTo(400);
    engine.write('one', ...numbers(401, 500));
    await expectLinesTo(500);
  });

  it('is resumed at once on reconnect when the stream stalls in silence', async () => {
    const { follows } = engine;
    engine.stallStreams();
    reader.reconnect();
    await eventually(() => engine.follows > follows);
    engine.write('one', ...numbers(201, 300));
    await expectLinesTo(300);
  });

  it('is resumed at its position when the stream skips lines', async () => {
    const asked = engine.requests.length;
    engine.stallStreams();
    engine.write('one', ...numbers(201, 400));
    // The newest line was queried; the next lines of the stream come after it.
    await eventually(() => engine.requests.slice(asked).some(({ tail }) => tail === 1));
    await pause(5);
    for (const cursor of (engine as unknown as { cursors: Set<{ isStalled: boolean }> }).cursors)
      cursor.isStalled = false;
    engine.moveStreams(200);
    engine.write('one', ...numbers(401, 500));
    await expectLinesTo(500);
  });

  it('repeats nothing when the stream starts over', async () => {
    engine.moveStreams(-150);
    await expectLinesTo(200);
    engine.write('one', ...numbers(201, 300));
    await expectLinesTo(300);
  });

  it('fails with the error of the engine when the newest line cannot be queried', async () => {
    engine.isUnavailable = true;
    await expect(outcome).resolves.toBe('unavailable');
  });

  it('does not count as stalled while its consumer is slow', async () => {
    const gate = Promise.withResolvers<void>();
    backpressure = gate.promise;
    engine.write('one', 'line 201');
    await eventually(() => seen.length === 196);
    engine.write('one', ...numbers(202, 600));
    const { length } = engine.requests;
    await pause(250);
    expect(engine.requests).toHaveLength(length);
    backpressure = undefined;
    gate.resolve();
    await expectLinesTo(600);
  });
});

describe("a change of the engine's clock during a read", () => {
  const write = (...records: [number, string][]): void =>
    engine.append('one', ...records.map(([nanoseconds, message]) => line(nanoseconds, message)));

  beforeEach(async () => {
    write([HOUR, 'a'], [HOUR + 1, 'b']);
    await reader.readInitial(5, stopped.signal);
    read();
    write([HOUR + 2, 'c']);
    await eventually(() => seen.length === 1);
  });

  it('back loses and repeats no line', async () => {
    write([5, 'd'], [6, 'e']);
    await eventually(() => seen.length === 3);
    engine.append('one', line(7, 'err', 'stderr'));
    write([8, 'f'], [HOUR + 1, 'g']);
    await eventually(() => seen.length >= 6);
    expect(seen).toEqual(['c', 'd', 'e', 'err', 'f', 'g']);
    expect(engine.follows).toBeLessThan(6);
  });

  it('back while the connection is lost loses and repeats no line', async () => {
    engine.breakStreams();
    await outcome;
    write([5, 'd'], [6, 'e']);
    read();
    await eventually(() => seen.length >= 3);
    engine.breakStreams();
    await outcome;
    write([7, 'f']);
    read();
    await eventually(() => seen.length >= 4);
    expect(seen).toEqual(['c', 'd', 'e', 'f']);
  });

  it('forward loses and repeats no line', async () => {
    write([30 * HOUR, 'd']);
    await eventually(() => seen.length === 2);
    engine.breakStreams();
    await outcome;
    write([31 * HOUR, 'e']);
    read();
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual(['c', 'd', 'e']);
  });

  it('that repeats all the time does not restart the stream for every line', async () => {
    const expected: string[] = ['c'];
    for (let at = 0; at < 1_000; at++) {
      write([at % 2 === 0 ? HOUR * 2 + at : at, `line ${at}`]);
      expected.push(`line ${at}`);
    }
    await eventually(() => seen.length >= 1_001, 10_000);
    expect(seen).toEqual(expected);
    expect(engine.follows).toBeLessThan(200);
  });
});
