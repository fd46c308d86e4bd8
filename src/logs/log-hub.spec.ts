import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DriverError } from '../drivers/driver-error.js';
import { containerRow } from '../../test/support/rows.js';
import {
  eventually,
  FakeLogEngine,
  FastClock,
  line,
  pause,
  quietLogger,
} from '../../test/support/logs/fake-log-engine.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { type JoinedLog, LogHub, requireOutput, readFailure } from './log-hub.js';

const ONE = { id: 'c1', runtimeId: 'one' };
const row = { id: 'c1', runtimeId: 'one', status: 'running' } as ContainerRow;
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}`);

let engine: FakeLogEngine;
let events: DomainEvents;
let rows: Map<string, ContainerRow>;
let hub: LogHub;

beforeEach(() => {
  engine = new FakeLogEngine();
  engine.batchSize = 250;
  engine.run('one');
  events = new DomainEvents(quietLogger);
  rows = new Map([['c1', row]]);
  const repository = { findById: async (id: string) => rows.get(id) ?? null } as unknown as ContainersRepository;
  hub = new LogHub(engine.driver, repository, events, new FastClock(), quietLogger);
  hub.onApplicationBootstrap();
});

afterEach(() => hub.onModuleDestroy());

const join = (tail: number, filter: 'all' | 'stdout' | 'stderr' = 'all'): Promise<JoinedLog> =>
  hub.join(row, tail, filter, () => undefined);
const initial = (log: JoinedLog): string[] => (log.initial ?? []).map(({ message }) => message);

/** All entries that the reader can take, as text. */
function taken(log: JoinedLog): string[] {
  const seen: string[] = [];
  for (let entry = log.subscription.take(); entry !== undefined; entry = log.subscription.take()) {
    if (entry.kind === 'lines') seen.push(...entry.lines.map(({ message }) => message));
    else seen.push(`[${entry.kind === 'end' ? entry.reason : entry.kind}]`);
  }
  return seen;
}

describe('joining a log', () => {
  it.each([0, 1, 4, 10, 200])('returns the last %i lines', async (tail) => {
    engine.write('one', ...numbers(1, 10));
    expect(initial(await join(tail))).toEqual(numbers(Math.max(1, 11 - tail), 10).slice(0, tail));
  });

  it('reads lines from the engine that are not in memory', async () => {
    engine.write('one', ...numbers(1, 5_000));
    expect(initial(await join(3_000))).toEqual(numbers(2_001, 5_000));
    expect(initial(await join(10_000))).toEqual(numbers(1, 5_000));
  });

  it('reads from the engine when memory holds few lines because they are long', async () => {
    const long = 'x'.repeat(100_000);
    engine.write('one', ...numbers(1, 30).map((text) => text + long));
    expect(initial(await join(30)).map((text) => text.slice(0, 7).trimEnd())).toEqual(
      numbers(1, 30).map((text) => (text + long).slice(0, 7).trimEnd()),
    );
  });

  it('reads a log that is complete in memory without the engine', async () => {
    engine.write('one', ...numbers(1, 50));
    await join(200);
    await join(200, 'stderr');
    expect(engine.requests).toHaveLength(2);
  });

  it('returns only the requested stream, even if its last lines are old', async () => {
    engine.writeTo('stderr', 'one', ...numbers(1, 5));
    engine.write('one', ...numbers(1, 3_000).map((text) => `out ${text}`));
    expect(initial(await join(200, 'stderr'))).toEqual(numbers(1, 5));
    expect(initial(await join(2, 'stderr'))).toEqual(numbers(4, 5));
    expect(initial(await join(2, 'stdout'))).toEqual(['out line 2999', 'out line 3000']);
  });

  it.each([10, 1_000, 2_500])(
    'leaves no gap and no repetition before the updates with a tail of %i, while the container writes',
    async (tail) => {
      engine.write('one', ...numbers(1, 3_000));
      let written = 3_000;
      const writing = setInterval(() => engine.write('one', ...numbers(written + 1, (written += 20))), 1);
      const readers = [];
      for (let at = 0; at < 5; at++) {
        readers.push(await join(tail));
        await pause(3);
      }
      clearInterval(writing);
      engine.write('one', 'the end');
      for (const reader of readers) {
        const seen = [...initial(reader)];
        await eventually(() => {
          seen.push(...taken(reader));
          return seen.at(-1) === 'the end';
        });
        const first = Number(seen[0]!.slice(5));
        expect(seen).toEqual([...numbers(first, written), 'the end']);
        reader.leave();
      }
      expect(engine.follows).toBe(1);
    },
  );

  it('leaves no gap and no repetition for a stream that writes while its history is read', async () => {
    engine.write('one', ...numbers(1, 2_500).map((text) => `out ${text}`));
    const first = await join(1);
    engine.beforeBatch = () => pause(1);
    const second = join(5, 'stderr');
    await pause(2);
    engine.writeTo('stderr', 'one', 'late');
    const log = await second;
    const seen = initial(log);
    await eventually(() => {
      seen.push(...taken(log));
      return seen.length > 0;
    });
    expect(seen).toEqual(['late']);
    first.leave();
  });

  it('is rejected for a container without an object at the engine', async () => {
    expect(() => requireOutput({ ...row, runtimeId: null })).toThrow(
      expect.objectContaining({ code: 'invalid_state' }),
    );
    await expect(hub.join({ ...row, status: 'missing' }, 1, 'all', () => undefined)).rejects.toMatchObject({
      code: 'invalid_state',
    });
    expect(hub.openStreams).toBe(0);
  });

  it('fails while the engine is unavailable, and succeeds afterwards', async () => {
    engine.isUnavailable = true;
    await expect(join(1)).rejects.toMatchObject({ code: 'unavailable' });
    expect(hub.openStreams).toBe(0);
    engine.isUnavailable = false;
    engine.write('one', 'here');
    expect(initial(await join(1))).toEqual(['here']);
  });

  it('does not affect other readers when reading the history fails', async () => {
    engine.write('one', ...numbers(1, 3_000));
    const first = await join(1);
    engine.isUnavailable = true;
    await expect(join(3_000)).rejects.toMatchObject({ code: 'unavailable' });
    engine.isUnavailable = false;
    engine.write('one', 'next');
    await eventually(() => taken(first).includes('next'));
  });
});

describe('the shared log stream', () => {
  it('is one for all readers of a container', async () => {
    engine.run('two', 'c2');
    await Promise.all([
      join(1),
      join(1),
      join(5),
      hub.join({ ...row, id: 'c2', runtimeId: 'two' }, 1, 'all', () => undefined),
    ]);
    expect(engine.follows).toBe(2);
    expect(hub.openStreams).toBe(2);
  });

  it('stays open for a while after its last reader has left', async () => {
    (await join(1)).leave();
    expect(hub.openStreams).toBe(1);
    engine.write('one', 'meanwhile');
    await pause(10);
    const log = await join(5);
    expect([...initial(log), ...taken(log)]).toEqual(['meanwhile']);
    expect(engine.follows).toBe(1);
  });

  it('stays open for other readers when one leaves twice', async () => {
    const [first, second] = [await join(1), await join(1)];
    first.leave();
    first.leave();
    engine.write('one', 'still');
    await pause(10);
    expect(taken(second)).toEqual(['still']);
  });

  it('continues when the row says that the container runs again', async () => {
    const log = await join(0);
    engine.stop('one');
    await pause(10);
    engine.run('one');
    engine.write('one', 'again');
    events.emit('container.changed', { containerId: 'c1', projectId: 'p' });
    const seen: string[] = [];
    await eventually(() => {
      seen.push(...taken(log));
      return seen.includes('again');
    });
    expect(seen).toEqual(['[stopped]', 'again']);
  });

  it('is resumed on a new connection when the engine is available again', async () => {
    const log = await join(0);
    engine.stallStreams();
    events.emit('engine.available', {});
    await eventually(() => engine.follows === 2);
    engine.write('one', 'again');
    await eventually(() => taken(log).includes('again'));
  });

  it('ends for all readers when the container is removed, even for one that is joining', async () => {
    const log = await join(0);
    engine.write('one', ...numbers(1, 2_500));
    await eventually(() => taken(log).includes('line 2500'));
    engine.beforeBatch = () => pause(3);
    const joining = join(2_500);
    await pause(1);
    events.emit('container.removed', { containerId: 'c1', projectId: 'p', at: new Date() });
    await eventually(() => taken(log).at(-1) === '[removed]');
    expect(taken(await joining).at(-1)).toBe('[removed]');
    expect(hub.openStreams).toBe(0);
  });

  it('ends when the server shuts down', async () => {
    const log = await join(0);
    hub.onModuleDestroy();
    expect(taken(log)).toEqual(['[shutdown]']);
    expect(hub.openStreams).toBe(0);
  });
});

describe('the history of a log', () => {
  it('counts the tail within the requested stream and time range', async () => {
    engine.append('one', line(1, 'a'), line(2, 'b', 'stderr'), line(3, 'c'), line(4, 'd', 'stderr'), line(5, 'e'));
    const messages = async (...given: Parameters<LogHub['history']>) =>
      (await hub.history(...given)).map(({ message }) => message);
    await expect(messages(ONE, 1, 'stderr')).resolves.toEqual(['d']);
    await expect(messages(ONE, 2, 'all', { until: line(3, '').timestamp })).resolves.toEqual(['b', 'c']);
    await expect(messages(ONE, 9, 'all', { since: line(4, '').timestamp })).resolves.toEqual(['d', 'e']);
    await expect(messages(ONE, 0, 'stdout')).resolves.toEqual([]);
  });

  it('fails for a container that the engine does not know', async () => {
    await expect(hub.history({ id: 'nobody', runtimeId: 'nobody' }, 1, 'all')).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

describe('readFailure', () => {
  const row = containerRow({ status: 'running' });

  it('reports a container that the engine no longer has as invalid_state', () => {
    expect(readFailure(row, new DriverError('not_found', 'no such container'))).toMatchObject({
      code: 'invalid_state',
    });
  });

  it('leaves every other error as it is', () => {
    const error = new DriverError('conflict', 'x');
    expect(readFailure(row, error)).toBe(error);
  });
});
