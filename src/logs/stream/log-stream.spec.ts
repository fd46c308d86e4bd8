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
  roomIn: Promise<void> | undefined;

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
    return this.roomIn;
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

const ringed = (): string[] => stream.ring.lines(() => true).map(({ message }) => message);
const lines = (): string[] => reader.seen.filter((message) => !message.startsWith('['));

describe('the beginning', () => {
  it('is in the ring when start resolves, however slowly it comes', async () => {
    engine.write('one', ...numbers(1, 50));
    engine.beforeBatch = () => pause(8);
    await read();
    expect(ringed()).toEqual(numbers(1, 50));
    expect(reader.seen).toEqual([]);
  });

  it('is had at once from an empty log', async () => {
    await stream.start();
    engine.write('one', 'first');
    stream.add(reader);
    await eventually(() => reader.seen.length === 1);
    expect(engine.requests.map(({ follow }) => follow)).toEqual([false, true]);
  });

  it('does not wait for a container that never stops talking', async () => {
    engine.write('one', ...numbers(1, 20));
    const talking = setInterval(() => engine.write('one', 'more'), 1);
    const clock = new FastClock();
    clock.sleep = () => new Promise(() => undefined);
    stream = new LogStream(ONE, engine.driver, clock, quietLogger);
    try {
      await stream.start();
      expect(ringed().slice(0, 20)).toEqual(numbers(1, 20));
    } finally {
      clearInterval(talking);
    }
  });

  it('is the latest lines alone', async () => {
    engine.batchSize = 500;
    engine.write('one', ...numbers(1, INITIAL_TAIL + 10));
    await read();
    expect(ringed()).toEqual(numbers(11, INITIAL_TAIL + 10));
  });

  it('fails for whoever asked when the engine does not answer, and the stream is closed', async () => {
    engine.isAway = true;
    await expect(stream.start()).rejects.toMatchObject({ code: 'unavailable' });
    expect(stream.isClosed).toBe(true);
    const { inspections } = engine;
    await pause(30);
    expect(engine.inspections).toBe(inspections);
  });

  it('of a container that does not exist tells so to those who join', async () => {
    stream = new LogStream({ id: 'nobody', runtimeId: 'nobody' }, engine.driver, new FastClock(), quietLogger);
    await read();
    expect(reader.seen).toEqual(['[not_found]']);
  });

  it('of a stopped container is all it wrote, and its end', async () => {
    engine.write('one', ...numbers(1, 3));
    engine.stop('one');
    await read();
    expect(ringed()).toEqual(numbers(1, 3));
    await eventually(() => reader.seen.length === 1);
    const late = new Reader();
    stream.add(late);
    expect([reader.seen, late.seen]).toEqual([['[stopped]'], ['[stopped]']]);
  });
});

describe('a stop and a start', () => {
  it('lose and repeat nothing', async () => {
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

  it('are seen when it was started again before its end was noticed', async () => {
    await read();
    engine.write('one', 'before');
    await eventually(() => reader.seen.length === 1);
    engine.stop('one');
    engine.run('one');
    engine.write('one', 'after');
    await eventually(() => reader.seen.includes('after'));
    expect(reader.seen).toEqual(['before', '[stopped]', 'after']);
  });

  it('are seen when the word of it comes while the end is being looked into', async () => {
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

  it('show what a container wrote that ran for a moment only', async () => {
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

  it('tell one end for one run, whatever makes it look again', async () => {
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

  it('leave nothing to tell to those who join a silent container that runs again', async () => {
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

  it('tell one end while the engine cannot say how the container is', async () => {
    await read();
    engine.write('one', 'last');
    await eventually(() => reader.seen.length === 1);
    engine.isAway = true;
    engine.stop('one');
    await pause(60);
    expect(reader.seen).toEqual(['last']);
    engine.isAway = false;
    await eventually(() => reader.seen.length === 2);
    await pause(60);
    expect(reader.seen).toEqual(['last', '[stopped]']);
  });
});

describe('a lost engine', () => {
  it('costs no line and no repeat', async () => {
    await read();
    const expected: string[] = [];
    for (let round = 0; round < 6; round++) {
      const written = numbers(round * 100, round * 100 + 40);
      expected.push(...written);
      engine.write('one', ...written);
      if (round % 2 === 0) await eventually(() => reader.seen.length > expected.length - 30);
      engine.breakStreams();
      engine.isAway = true;
      await pause(15);
      engine.isAway = false;
    }
    await eventually(() => reader.seen.length >= expected.length);
    expect(reader.seen).toEqual(expected);
  });

  it('costs none when both streams write the same instants out of order', async () => {
    await read();
    engine.append('one', line(5_000, 'a'), line(4_000, 'b', 'stderr'), line(5_000, 'c'), line(5_000, 'd', 'stderr'));
    await eventually(() => reader.seen.length === 4);
    engine.breakStreams();
    engine.append('one', line(5_000, 'e'), line(4_999, 'set back'), line(5_000, 'f', 'stderr'), line(6_000, 'g'));
    await eventually(() => reader.seen.includes('g'));
    expect(lines()).toEqual(['a', 'b', 'c', 'd', 'e', 'set back', 'f', 'g']);
  });

  it('is no end of the container when its stream ends in good order', async () => {
    await read();
    engine.write('one', 'before');
    await eventually(() => reader.seen.length === 1);
    engine.endStreams();
    await eventually(() => engine.follows === 2);
    engine.write('one', 'after');
    await eventually(() => reader.seen.length === 2);
    expect(reader.seen).toEqual(['before', 'after']);
  });

  it('is asked with more and more patience', async () => {
    await read();
    engine.isAway = true;
    engine.breakStreams();
    await pause(400);
    expect(engine.inspections).toBeLessThan(12);
  });

  it('may know the container no more, which is told once, and again when it is lost again', async () => {
    await read();
    engine.write('one', 'first');
    await eventually(() => reader.seen.length === 1);
    engine.remove('one');
    await eventually(() => reader.seen.length === 2);
    stream.resume(ONE);
    await pause(20);
    expect(reader.seen).toEqual(['first', '[not_found]']);
    engine.isAway = true;
    stream.resume(ONE);
    await pause(60);
    engine.isAway = false;
    await pause(60);
    expect(reader.seen).toEqual(['first', '[not_found]']);
  });
});

describe('a container that was made anew', () => {
  it('begins a log of its own, from its first line', async () => {
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
    expect(ringed()[0]).toBe('line 100');
  });

  it('is not mixed up with what still comes of the old one', async () => {
    await read();
    stream.resume({ id: 'c1', runtimeId: 'two' });
    engine.write('one', 'old');
    await eventually(() => reader.seen.length === 1);
    engine.run('two');
    engine.append('two', line(1, 'stamped before all that the old one wrote'));
    engine.stop('one');
    await eventually(() => reader.seen.length === 3);
    expect(reader.seen).toEqual(['old', '[stopped]', 'stamped before all that the old one wrote']);
    expect(ringed()).toEqual(['stamped before all that the old one wrote']);
  });
});

describe('readers', () => {
  it('slow it down to the pace of the slowest', async () => {
    await read();
    const room = Promise.withResolvers<void>();
    reader.roomIn = room.promise;
    engine.write('one', ...numbers(1, 30));
    await pause(20);
    expect(reader.seen).toHaveLength(engine.batchSize);
    reader.roomIn = undefined;
    room.resolve();
    await eventually(() => reader.seen.length === 30);
  });

  it('do not hold up its closing', async () => {
    await read();
    reader.roomIn = new Promise(() => undefined);
    engine.write('one', 'x');
    await eventually(() => reader.seen.length === 1);
    stream.close('removed');
    expect(reader.seen).toEqual(['x', '[removed]']);
    await eventually(() => engine.requests.every(({ signal, follow }) => !follow || signal.aborted));
  });

  it('who join after it was closed are told why', async () => {
    await stream.start();
    stream.close('removed');
    stream.add(reader);
    expect(reader.seen).toEqual(['[removed]']);
  });

  it('who left get nothing more', async () => {
    await read();
    stream.delete(reader);
    engine.write('one', 'x');
    await eventually(() => ringed().length === 1);
    expect(reader.seen).toEqual([]);
  });
});
