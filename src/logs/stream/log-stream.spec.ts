import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  eventually,
  FakeLogEngine,
  FastClock,
  line,
  pause,
  quietLogger,
} from '../../../test/support/logs/fake-log-engine.js';
import type { LogRecord } from '../../drivers/workspace-logs.js';
import type { DriverError } from '../../drivers/driver-error.js';
import { INITIAL_TAIL, type LogSink, LogStream } from './log-stream.js';

const ONE = { id: 'c1', runtimeId: 'one' };

class Reader implements LogSink {
  readonly seen: string[] = [];
  draining: Promise<void> | undefined;

  accept(records: LogRecord[]): void {
    this.seen.push(...records.map(({ message }) => message));
  }

  missed(): void {
    this.seen.push('[missed]');
  }

  ended(reason: string): void {
    this.seen.push(`[${reason}]`);
  }

  failed({ code }: DriverError): void {
    this.seen.push(`[${code}]`);
  }

  whenDrained(): Promise<void> | undefined {
    return this.draining;
  }
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}`);

let engine: FakeLogEngine;
let stream: LogStream;
let reader: Reader;

beforeEach(() => {
  engine = new FakeLogEngine();
  engine.run('one');
  stream = new LogStream(ONE, engine.driver, new FastClock(), quietLogger);
  reader = new Reader();
});

afterEach(() => stream.close());

async function read(): Promise<void> {
  await stream.start();
  stream.add(reader);
}

const inRing = (): string[] => stream.ring.lines(() => true).map(({ message }) => message);
const lines = (): string[] => reader.seen.filter((message) => !message.startsWith('['));

describe('the initial lines of a log stream', () => {
  it('are in the ring when start resolves, however slow the engine is', async () => {
    engine.write('one', ...numbers(1, 50));
    engine.beforeBatch = () => pause(8);
    await read();
    expect(inRing()).toEqual(numbers(1, 50));
    expect(reader.seen).toEqual([]);
  });

  it('of an empty log are read at once', async () => {
    await stream.start();
    engine.write('one', 'first');
    stream.add(reader);
    await eventually(() => reader.seen.length === 1);
    expect(engine.requests.map(({ follow }) => follow)).toEqual([false, true]);
  });

  it('are complete while the container keeps writing', async () => {
    engine.write('one', ...numbers(1, 20));
    const writing = setInterval(() => engine.write('one', 'more'), 1);
    const clock = new FastClock();
    clock.sleep = () => new Promise(() => undefined);
    stream = new LogStream(ONE, engine.driver, clock, quietLogger);
    try {
      await stream.start();
      expect(inRing().slice(0, 20)).toEqual(numbers(1, 20));
    } finally {
      clearInterval(writing);
    }
  });

  it('are the latest lines only', async () => {
    engine.batchSize = 500;
    engine.write('one', ...numbers(1, INITIAL_TAIL + 10));
    await read();
    expect(inRing()).toEqual(numbers(11, INITIAL_TAIL + 10));
  });

  it('cannot be read while the engine is unavailable, which closes the stream', async () => {
    engine.isUnavailable = true;
    await expect(stream.start()).rejects.toMatchObject({ code: 'unavailable' });
    expect(stream.isClosed).toBe(true);
    const { inspections } = engine;
    await pause(30);
    expect(engine.inspections).toBe(inspections);
  });

  it('of a missing container are replaced by an error for each reader', async () => {
    stream = new LogStream({ id: 'nobody', runtimeId: 'nobody' }, engine.driver, new FastClock(), quietLogger);
    await read();
    expect(reader.seen).toEqual(['[not_found]']);
  });

  it('of a stopped container are its whole output, followed by its end', async () => {
    engine.write('one', ...numbers(1, 3));
    engine.stop('one');
    await read();
    expect(inRing()).toEqual(numbers(1, 3));
    await eventually(() => reader.seen.length === 1);
    const late = new Reader();
    stream.add(late);
    expect([reader.seen, late.seen]).toEqual([['[stopped]'], ['[stopped]']]);
  });
});

describe('a restart of the container', () => {
  it('loses and repeats no line', async () => {
    engine.write('one', ...numbers(1, 5));
    await read();
    engine.write('one', ...numbers(6, 20));
    engine.stop('one');
    await eventually(() => reader.seen.includes('[stopped]'));
    engine.run('one');
    engine.write('one', ...numbers(21, 30));
    stream.resume(ONE);
    await eventually(() => lines().length >= 25);
    engine.write('one', ...numbers(31, 40));
    engine.stop('one');
    await eventually(() => reader.seen.at(-1) === '[stopped]' && reader.seen.length > 30);
    expect(reader.seen).toEqual([...numbers(6, 20), '[stopped]', ...numbers(21, 40), '[stopped]']);
  });

  it('is reported even when the container runs again before its stop is noticed', async () => {
    await read();
    engine.write('one', 'before');
    await eventually(() => reader.seen.length === 1);
    engine.stop('one');
    engine.run('one');
    engine.write('one', 'after');
    await eventually(() => reader.seen.includes('after'));
    expect(reader.seen).toEqual(['before', '[stopped]', 'after']);
  });

  it('is reported when its event arrives while the stop is examined', async () => {
    await read();
    const { driver } = engine;
    const observe = driver.observe;
    driver.observe = async (id) => {
      const answer = await observe(id);
      if (answer?.state === 'exited' && engine.follows === 1) {
        engine.run('one');
        engine.write('one', 'again');
        stream.resume(ONE);
      }
      return answer;
    };
    stream.close();
    stream = new LogStream(ONE, driver, new FastClock(), quietLogger);
    engine.requests.length = 0;
    await read();
    engine.stop('one');
    await eventually(() => reader.seen.includes('again'));
    expect(reader.seen).toEqual(['[stopped]', 'again']);
  });

  it('includes the output of a very short run', async () => {
    await read();
    engine.stop('one');
    await eventually(() => reader.seen.length === 1);
    engine.run('one');
    engine.write('one', 'cannot start');
    engine.stop('one');
    stream.resume(ONE);
    await eventually(() => reader.seen.length === 3);
    expect(reader.seen).toEqual(['[stopped]', 'cannot start', '[stopped]']);
  });

  it('reports one end for each run, however often the log is read again', async () => {
    await read();
    engine.stop('one');
    await eventually(() => reader.seen.length === 1);
    for (let at = 0; at < 5; at++) {
      stream.resume(ONE);
      await pause(10);
    }
    expect(reader.seen).toEqual(['[stopped]']);
    engine.run('one');
    stream.resume(ONE);
    await pause(10);
    engine.stop('one');
    await eventually(() => reader.seen.length === 2);
    expect(reader.seen).toEqual(['[stopped]', '[stopped]']);
  });

  it('reports no end to readers who join after the start', async () => {
    await read();
    engine.stop('one');
    await eventually(() => reader.seen.length === 1);
    engine.run('one');
    stream.resume(ONE);
    await eventually(() => engine.follows === 2);
    const late = new Reader();
    stream.add(late);
    expect(late.seen).toEqual([]);
  });

  it('reports its stop once, after an outage of the engine', async () => {
    await read();
    engine.write('one', 'last');
    await eventually(() => reader.seen.length === 1);
    engine.isUnavailable = true;
    engine.stop('one');
    await pause(60);
    expect(reader.seen).toEqual(['last']);
    engine.isUnavailable = false;
    await eventually(() => reader.seen.length === 2);
    await pause(60);
    expect(reader.seen).toEqual(['last', '[stopped]']);
  });
});

describe('an outage of the engine', () => {
  it('loses and repeats no line', async () => {
    await read();
    const expected: string[] = [];
    for (let round = 0; round < 6; round++) {
      const written = numbers(round * 100, round * 100 + 40);
      expected.push(...written);
      engine.write('one', ...written);
      if (round % 2 === 0) await eventually(() => reader.seen.length > expected.length - 30);
      engine.breakStreams();
      engine.isUnavailable = true;
      await pause(15);
      engine.isUnavailable = false;
    }
    await eventually(() => reader.seen.length >= expected.length);
    expect(reader.seen).toEqual(expected);
  });

  it('loses and repeats no line when both streams have the same timestamps out of order', async () => {
    await read();
    engine.append('one', line(5_000, 'a'), line(4_000, 'b', 'stderr'), line(5_000, 'c'), line(5_000, 'd', 'stderr'));
    await eventually(() => reader.seen.length === 4);
    engine.breakStreams();
    engine.append('one', line(5_000, 'e'), line(4_999, 'set back'), line(5_000, 'f', 'stderr'), line(6_000, 'g'));
    await eventually(() => reader.seen.includes('g'));
    expect(lines()).toEqual(['a', 'b', 'c', 'd', 'e', 'set back', 'f', 'g']);
  });

  it('is not the end of the container when the stream ends without an error', async () => {
    await read();
    engine.write('one', 'before');
    await eventually(() => reader.seen.length === 1);
    engine.endStreams();
    await eventually(() => engine.follows === 2);
    engine.write('one', 'after');
    await eventually(() => reader.seen.length === 2);
    expect(reader.seen).toEqual(['before', 'after']);
  });

  it('makes the stream retry at growing intervals', async () => {
    await read();
    engine.isUnavailable = true;
    engine.breakStreams();
    await pause(400);
    expect(engine.inspections).toBeLessThan(12);
  });

  it('reports a missing container once', async () => {
    await read();
    engine.write('one', 'first');
    await eventually(() => reader.seen.length === 1);
    engine.remove('one');
    await eventually(() => reader.seen.length === 2);
    stream.resume(ONE);
    await pause(20);
    expect(reader.seen).toEqual(['first', '[not_found]']);
    engine.isUnavailable = true;
    stream.resume(ONE);
    await pause(60);
    engine.isUnavailable = false;
    await pause(60);
    expect(reader.seen).toEqual(['first', '[not_found]']);
  });
});

describe('a container that was created again', () => {
  it('has a new log, which is read from its first line', async () => {
    engine.write('one', ...numbers(1, 3));
    await read();
    engine.remove('one');
    await eventually(() => reader.seen.length === 1);
    engine.run('two');
    engine.batchSize = 500;
    engine.write('two', ...numbers(100, 100 + INITIAL_TAIL + 5));
    stream.resume({ id: 'c1', runtimeId: 'two' });
    await eventually(() => lines().length === INITIAL_TAIL + 6);
    expect(reader.seen).toEqual(['[not_found]', ...numbers(100, 100 + INITIAL_TAIL + 5)]);
    expect(inRing()[0]).toBe('line 100');
  });

  it('has its log kept apart from the rest of the old one', async () => {
    await read();
    stream.resume({ id: 'c1', runtimeId: 'two' });
    engine.write('one', 'old');
    await eventually(() => reader.seen.length === 1);
    engine.run('two');
    engine.append('two', line(1, 'stamped before all that the old one wrote'));
    engine.stop('one');
    await eventually(() => reader.seen.length === 3);
    expect(reader.seen).toEqual(['old', '[stopped]', 'stamped before all that the old one wrote']);
    expect(inRing()).toEqual(['stamped before all that the old one wrote']);
  });
});

describe('the readers of a log stream', () => {
  it('slow the stream down to the slowest of them', async () => {
    await read();
    const gate = Promise.withResolvers<void>();
    reader.draining = gate.promise;
    engine.write('one', ...numbers(1, 30));
    await pause(20);
    expect(reader.seen).toHaveLength(engine.batchSize);
    reader.draining = undefined;
    gate.resolve();
    await eventually(() => reader.seen.length === 30);
  });

  it('cannot delay its closing', async () => {
    await read();
    reader.draining = new Promise(() => undefined);
    engine.write('one', 'x');
    await eventually(() => reader.seen.length === 1);
    stream.close('removed');
    expect(reader.seen).toEqual(['x', '[removed]']);
    await eventually(() => engine.requests.every(({ signal, follow }) => !follow || signal.aborted));
  });

  it('get the reason when they join after it was closed', async () => {
    await stream.start();
    stream.close('removed');
    stream.add(reader);
    expect(reader.seen).toEqual(['[removed]']);
  });

  it('get nothing after they have left', async () => {
    await read();
    stream.delete(reader);
    engine.write('one', 'x');
    await eventually(() => inRing().length === 1);
    expect(reader.seen).toEqual([]);
  });
});
