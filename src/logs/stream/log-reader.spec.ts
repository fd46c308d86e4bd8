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
let hold: Promise<void> | undefined;
let outcome: Promise<string>;

beforeEach(() => {
  engine = new FakeLogEngine();
  engine.batchSize = 100;
  engine.run('one');
  seen = [];
  hold = undefined;
  stopped = new AbortController();
  const take = (records: LogRecord[]): Promise<void> | undefined => {
    seen.push(...records.map(({ message }) => message));
    return hold;
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

describe('a log that is read on', () => {
  it('goes on behind its beginning', async () => {
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

  it('is taken up where it was, however far that lies back', async () => {
    engine.write('one', ...numbers(1, 10));
    await reader.readInitial(10, stopped.signal);
    engine.write('one', ...numbers(11, 20_000));
    read();
    await eventually(() => seen.length >= 19_990);
    engine.write('one', 'live');
    await eventually(() => seen.at(-1) === 'live');
    expect(seen).toEqual([...numbers(11, 20_000), 'live']);
  });

  it('tells that lines are missing when it lost its place, and goes on with what there is', async () => {
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

  it('tells it too when older lines follow the place that is gone', async () => {
    engine.append('one', line(100, 'place'));
    await reader.readInitial(10, stopped.signal);
    engine.append('one', line(50, 'set back'), line(101, 'later'));
    engine.forget('one', 1);
    read();
    await eventually(() => seen.length >= 2);
    expect(seen).toEqual(['[missed]', 'later']);
  });

  it('goes on when the whole log is gone', async () => {
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

describe("what is left of a stopped container's log", () => {
  it('is what follows the place, its last words too', async () => {
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

describe('a reading that the engine', () => {
  beforeEach(async () => {
    engine.write('one', ...numbers(1, 5));
    await reader.readInitial(5, stopped.signal);
    read();
    engine.write('one', ...numbers(6, 200));
    await eventually(() => seen.length >= 195);
  });

  const goesOn = async (last: number): Promise<void> => {
    await eventually(() => seen.length >= last - 5, 10_000);
    expect(seen).toEqual(numbers(6, last));
  };

  it('breaks off is no end', async () => {
    engine.breakStreams();
    await expect(outcome).resolves.toBe('unavailable');
    engine.write('one', ...numbers(201, 400));
    read();
    await goesOn(400);
  });

  it('leaves hanging is noticed by what the log has', async () => {
    engine.stallStreams();
    engine.write('one', ...numbers(201, 400));
    await goesOn(400);
    engine.write('one', ...numbers(401, 500));
    await goesOn(500);
  });

  it('leaves hanging while nothing is written is found out at once when told to', async () => {
    const { follows } = engine;
    engine.stallStreams();
    reader.reconnect();
    await eventually(() => engine.follows > follows);
    engine.write('one', ...numbers(201, 300));
    await goesOn(300);
  });

  it('moves on past lines is taken up at the place', async () => {
    const asked = engine.requests.length;
    engine.stallStreams();
    engine.write('one', ...numbers(201, 400));
    // The engine told of its newest line; what comes next lies behind that.
    await eventually(() => engine.requests.slice(asked).some(({ tail }) => tail === 1));
    await pause(5);
    for (const cursor of (engine as unknown as { cursors: Set<{ isStalled: boolean }> }).cursors)
      cursor.isStalled = false;
    engine.moveStreams(200);
    engine.write('one', ...numbers(401, 500));
    await goesOn(500);
  });

  it('begins over repeats nothing', async () => {
    engine.moveStreams(-150);
    await goesOn(200);
    engine.write('one', ...numbers(201, 300));
    await goesOn(300);
  });

  it('cannot be asked about ends with the reason', async () => {
    engine.isAway = true;
    await expect(outcome).resolves.toBe('unavailable');
  });

  it('waits with because its reader does is left alone', async () => {
    const room = Promise.withResolvers<void>();
    hold = room.promise;
    engine.write('one', 'line 201');
    await eventually(() => seen.length === 196);
    engine.write('one', ...numbers(202, 600));
    const { length } = engine.requests;
    await pause(250);
    expect(engine.requests).toHaveLength(length);
    hold = undefined;
    room.resolve();
    await goesOn(600);
  });
});

describe("the engine's clock", () => {
  const write = (...records: [number, string][]): void =>
    engine.append('one', ...records.map(([nanoseconds, message]) => line(nanoseconds, message)));

  beforeEach(async () => {
    write([HOUR, 'a'], [HOUR + 1, 'b']);
    await reader.readInitial(5, stopped.signal);
    read();
    write([HOUR + 2, 'c']);
    await eventually(() => seen.length === 1);
  });

  it('that is set back costs no line and no repeat', async () => {
    write([5, 'd'], [6, 'e']);
    await eventually(() => seen.length === 3);
    engine.append('one', line(7, 'err', 'stderr'));
    write([8, 'f'], [HOUR + 1, 'g']);
    await eventually(() => seen.length >= 6);
    expect(seen).toEqual(['c', 'd', 'e', 'err', 'f', 'g']);
    expect(engine.follows).toBeLessThan(6);
  });

  it('that is set back while the connection is lost costs none either', async () => {
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

  it('that is set forward costs none', async () => {
    write([30 * HOUR, 'd']);
    await eventually(() => seen.length === 2);
    engine.breakStreams();
    await outcome;
    write([31 * HOUR, 'e']);
    read();
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual(['c', 'd', 'e']);
  });

  it('that jumps all the time is taken as it is', async () => {
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
