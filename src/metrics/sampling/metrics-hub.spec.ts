import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { quietLogger } from '../../../test/support/logs/fake-log-engine.js';
import { FakeSocket } from '../../../test/support/sockets/fake-socket.js';
import { DomainError } from '../../common/errors/domain-error.js';
import type { ContainersService } from '../../containers/containers.service.js';
import { AgentStates } from '../../agent-state/agent-states.js';
import type { DiskUsage } from '../../usage/disk-usage.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { SocketCounters } from '../../realtime/socket-counters.js';
import { MetricsGateway } from '../metrics.gateway.js';
import { MetricsHub } from './metrics-hub.js';
import { DriverError } from '../../drivers/driver-error.js';
import { driverErrorToDomainError } from '../../drivers/driver-error-translation.js';
import { UsageSource } from '../../drivers/workspace-usage.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';

class FakeSources {
  readonly opened: string[] = [];
  reads = 0;
  failure: Error | undefined;

  async usage({ runtimeId }: WorkspaceRef): Promise<UsageSource> {
    if (this.failure !== undefined) throw this.failure;
    this.opened.push(runtimeId);
    const read = async () => {
      this.reads += 1;
      if (this.failure !== undefined) throw this.failure;
      return {
        at: Date.now(),
        monotonicMs: performance.now(),
        cpuSeconds: 0,
        memoryBytes: 0,
        rxBytes: 0,
        txBytes: 0,
        pids: 1,
      };
    };
    return { read, claudeProcesses: () => [], close: () => void this.opened.splice(this.opened.indexOf(runtimeId), 1) };
  }
}

const running = (id: string): ContainerRow =>
  ({ id, runtimeId: `docker-${id}`, status: 'running', cpuLimit: 1, memoryLimit: 1, diskLimit: 1 }) as ContainerRow;
const A = 'aaaa0000-0000-4000-8000-000000000000';
const B = 'bbbb0000-0000-4000-8000-000000000000';

let rows: Map<string, ContainerRow>;
let sources: FakeSources;
let events: DomainEvents;
let hub: MetricsHub;
let gateway: MetricsGateway;
let tally: SocketCounters;
let socket: FakeSocket;
let lastMB: number | undefined;
let forgotten: string[];
let findMs: number[];
let measure: () => Promise<number>;

beforeEach(async () => {
  jest.useFakeTimers();
  rows = new Map([A, B].map((id) => [id, running(id)]));
  sources = new FakeSources();
  events = new DomainEvents(quietLogger);
  forgotten = [];
  lastMB = 5;
  findMs = [];
  measure = async () => 5;
  const repository = {
    listAll: async () => [...rows.values()],
    findById: async (id: string) => late(rows.get(id) ?? null),
  } as unknown as ContainersRepository;
  const disk = {
    last: () => lastMB,
    measure: () => measure(),
    forget: (id: string) => forgotten.push(id),
  } as unknown as DiskUsage;
  hub = new MetricsHub(
    repository,
    sources as unknown as WorkspaceDriver,
    disk,
    new AgentStates(events),
    events,
    quietLogger,
  );
  const find = async (_: unknown, id: string): Promise<ContainerRow> => {
    const row = await late(rows.get(id));
    if (row === undefined) throw new DomainError('container_not_found', 'no such container');
    return row;
  };
  tally = new SocketCounters();
  gateway = new MetricsGateway({ find } as unknown as ContainersService, hub, [driverErrorToDomainError], tally);
  socket = new FakeSocket();
  await hub.onApplicationBootstrap();
});

afterEach(() => {
  hub.onModuleDestroy();
  if (sources.opened.length + jest.getTimerCount() > 0) throw new Error('a source or a timer was left behind');
  jest.useRealTimers();
});

/** A look-up answers what was there when it was asked. */
async function late<Row>(row: Row): Promise<Row> {
  const ms = findMs.shift() ?? 0;
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  return row;
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

async function change(id: string, status: ContainerRow['status']): Promise<void> {
  rows.set(id, { ...rows.get(id)!, status });
  events.emit('container.changed', { containerId: id, ownerId: 'o' });
  await pass(1);
}

async function remove(id: string): Promise<void> {
  rows.delete(id);
  events.emit('container.removed', { containerId: id, ownerId: 'o', at: new Date() });
  await pass(1);
}

describe('the hub', () => {
  it('samples every running container at rest, and remembers', async () => {
    await pass(60_300);
    expect(sources.opened.toSorted()).toEqual(['docker-' + A, 'docker-' + B]);
    expect(hub.latest(A)).toMatchObject({ containerId: A, disk: { usedMB: 5 } });
    expect(hub.history(A, 3_600_000)).toHaveLength(12);
    expect(hub.history(A, 10_000).length).toBeLessThanOrEqual(2);
  });

  it('samples no container that does not run', async () => {
    await pass(10_000);
    await change(A, 'stopped');
    expect(hub.latest(A)).toBeUndefined();
    expect(sources.opened).toEqual(['docker-' + B]);
    await expect(hub.now(rows.get(A)!)).rejects.toMatchObject({ code: 'invalid_state' });
    expect(hub.history(A, 60_000).length).toBeGreaterThan(0);
  });

  it('forgets a container that is gone', async () => {
    await pass(10_000);
    await remove(A);
    expect([hub.latest(A), hub.history(A, 60_000), forgotten]).toEqual([undefined, [], [A]]);
  });

  it('samples one that was made anew by its new id', async () => {
    await pass(6_000);
    rows.set(A, { ...rows.get(A)!, runtimeId: 'docker-new' });
    await change(A, 'running');
    await pass(6_000);
    expect(sources.opened.toSorted()).toEqual(['docker-' + B, 'docker-new']);
  });

  it('follows the newer of two changes, whichever look-up takes longer', async () => {
    await pass(10_000);
    findMs = [300, 1];
    await change(A, 'stopped');
    await change(A, 'running');
    await pass(6_000);
    expect(sources.opened.toSorted()).toEqual(['docker-' + A, 'docker-' + B]);
  });

  it('takes up no container that was removed while it was looked up', async () => {
    findMs = [300];
    await change(A, 'running');
    await remove(A);
    await pass(10_000);
    expect(sources.opened).toEqual(['docker-' + B]);
  });

  it('looks again at a container that cannot be sampled: it may have stopped without a word', async () => {
    await pass(10_000);
    rows.set(A, { ...rows.get(A)!, status: 'stopped' });
    sources.failure = new DriverError('conflict', 'the container does not run');
    await pass(10_000);
    sources.failure = undefined;
    await pass(10_000);
    expect(sources.opened).toEqual(['docker-' + B]);
  });

  it('says why there are no figures now', async () => {
    sources.failure = new DriverError('unavailable', 'the engine is away');
    await expect(hub.now(rows.get(A)!)).rejects.toBe(sources.failure);
    sources.failure = new DriverError('conflict', 'the container does not run');
    await expect(hub.now(rows.get(A)!)).rejects.toMatchObject({ code: 'invalid_state' });
  });

  it('waits for no disk', async () => {
    lastMB = undefined;
    measure = () => new Promise(() => undefined);
    const id = 'cccc0000-0000-4000-8000-000000000000';
    rows.set(id, running(id));
    await change(id, 'running');
    await subscribe({ containerId: id, interval: 500 });
    await pass(10_000);
    expect(socket.of('metrics:update').length).toBeGreaterThanOrEqual(18);
    expect(hub.latest(id)).toMatchObject({ pids: 1, disk: { usedMB: null, percent: null } });
    lastMB = 7;
    await pass(1_000);
    expect(socket.of('metrics:update').at(-1)).toMatchObject({ metrics: { disk: { usedMB: 7 } } });
  });

  it('begins nothing once it ended', async () => {
    hub.onModuleDestroy();
    hub.track(running(A));
    await pass(10_000);
    expect(sources.opened).toEqual([]);
  });
});

const subscribe = (payload: unknown, by = socket) => gateway.subscribe(by.typed, payload);

describe('subscriptions', () => {
  it('share samples, each at its own interval', async () => {
    await pass(10_000);
    const sockets = Array.from({ length: 20 }, () => new FakeSocket());
    for (const each of sockets) await subscribe({ containerId: A, interval: 1_000 }, each);
    await subscribe({ containerId: A }, socket);
    await pass(1_000);
    sources.reads = 0;
    const before = sockets.map((each) => each.of('metrics:update').length);
    await pass(10_000);
    // Ten ticks, and what the other container and the beats at rest take.
    expect(sources.reads).toBeLessThanOrEqual(10 + 2 + 2);
    expect(sockets.map((each, at) => each.of('metrics:update').length - before[at]!)).toEqual(sockets.map(() => 10));
    expect(socket.of('metrics:update').length).toBeGreaterThanOrEqual(5);
    expect(socket.of('metrics:update')[0]).toMatchObject({ containerId: A, metrics: { containerId: A } });
  });

  it('take a new interval when asked for again, and end when ended', async () => {
    expect(tally.subscriptions()).toEqual([['metrics', 0]]);
    await subscribe({ containerId: A, interval: 500 });
    await subscribe({ containerId: A, interval: 60_000 });
    expect(tally.subscriptions()).toEqual([['metrics', 1]]);
    await pass(30_000);
    expect(socket.of('metrics:update').length).toBeLessThanOrEqual(1);
    await expect(gateway.leave(socket.typed, { containerId: A })).resolves.toEqual({ ok: true });
    expect(tally.subscriptions()).toEqual([['metrics', 0]]);
    const { length } = socket.sent;
    await pass(120_000);
    expect(socket.sent).toHaveLength(length);
  });

  it('are told when the container stops, and go on when it runs', async () => {
    await subscribe({ containerId: A, interval: 500 });
    await pass(2_000);
    await change(A, 'stopping');
    await change(A, 'stopped');
    expect(socket.of('metrics:error')).toMatchObject([{ containerId: A, error: { code: 'invalid_state' } }]);
    await expect(subscribe({ containerId: A }, new FakeSocket())).resolves.toMatchObject({
      ok: false,
      error: { code: 'invalid_state' },
    });
    const { length } = socket.of('metrics:update');
    await pass(5_000);
    expect(socket.of('metrics:update')).toHaveLength(length);
    await change(A, 'running');
    await pass(2_000);
    expect(socket.of('metrics:update').length).toBeGreaterThanOrEqual(length + 3);
  });

  it('are told when the container is removed, and end', async () => {
    await subscribe({ containerId: A, interval: 500 });
    await remove(A);
    expect(socket.of('metrics:error')).toMatchObject([{ error: { code: 'container_not_found' } }]);
    await pass(5_000);
    expect(socket.of('metrics:update')).toEqual([]);
  });

  it('go on when the container was made anew and nobody saw it stand still', async () => {
    await subscribe({ containerId: A, interval: 500 });
    await pass(2_000);
    rows.set(A, { ...rows.get(A)!, runtimeId: 'docker-new' });
    await change(A, 'running');
    const { length } = socket.of('metrics:update');
    await pass(5_000);
    expect(socket.of('metrics:update').length).toBeGreaterThanOrEqual(length + 9);
    expect(socket.of('metrics:error')).toEqual([]);
  });

  it('are told once that the engine is away, and go on when it is back', async () => {
    await subscribe({ containerId: A, interval: 500 });
    await pass(2_000);
    sources.failure = new DriverError('unavailable', 'the engine is away');
    await pass(30_000);
    expect(socket.of('metrics:error')).toMatchObject([{ containerId: A, error: { code: 'engine_unavailable' } }]);
    sources.failure = undefined;
    const { length } = socket.of('metrics:update');
    await pass(3_000);
    expect(socket.of('metrics:update').length).toBeGreaterThanOrEqual(length + 3);
    sources.failure = new DriverError('unavailable', 'away again');
    await pass(3_000);
    expect(socket.of('metrics:error')).toHaveLength(2);
  });

  it('are told when the container turns out to be stopped, or removed, and nobody said so', async () => {
    await pass(10_000);
    for (const id of [A, B]) await subscribe({ containerId: id, interval: 500 });
    rows.set(A, { ...rows.get(A)!, status: 'stopped' });
    rows.delete(B);
    sources.failure = new DriverError('conflict', 'the container does not run');
    await pass(3_000);
    const errors = socket.of('metrics:error') as { containerId: string; error: { code: string } }[];
    expect(errors.filter(({ containerId }) => containerId === A)).toMatchObject([{ error: { code: 'invalid_state' } }]);
    expect(errors.filter(({ containerId }) => containerId === B).at(-1)).toMatchObject({
      error: { code: 'container_not_found' },
    });
    expect(forgotten).toEqual([B]);
  });

  it('of one client are taken in the order in which it asked', async () => {
    findMs = [300, 1];
    const answers = await Promise.all([
      subscribe({ containerId: A, interval: 500 }),
      gateway.leave(socket.typed, { containerId: A }),
      pass(500),
    ]);
    expect(answers.slice(0, 2)).toEqual([{ ok: true }, { ok: true }]);
    await pass(5_000);
    expect(socket.sent).toEqual([]);
    findMs = [300, 1];
    await Promise.all([
      subscribe({ containerId: A, interval: 500 }),
      subscribe({ containerId: A, interval: 60_000 }),
      pass(500),
    ]);
    await pass(20_000);
    expect(socket.sent.length).toBeLessThanOrEqual(1);
  });

  it('of a paused client cost one message a container, the latest', async () => {
    socket.isPaused = true;
    await subscribe({ containerId: A, interval: 500 });
    await subscribe({ containerId: B, interval: 500 });
    await pass(60_000);
    expect(socket.sent).toHaveLength(1);
    socket.isPaused = false;
    socket.drain();
    expect(socket.sent).toHaveLength(3);
    for (const { metrics } of socket.of('metrics:update').slice(1))
      expect(Date.now() - Date.parse((metrics as { timestamp: string }).timestamp)).toBeLessThan(600);
  });

  it('of a client that left end, also when it leaves while it asks', async () => {
    await subscribe({ containerId: A, interval: 500 });
    const asking = subscribe({ containerId: B, interval: 500 });
    socket.connected = false;
    gateway.handleDisconnect(socket.typed);
    await asking;
    await pass(10_000);
    expect(socket.sent).toEqual([]);
    expect(tally.subscriptions()).toEqual([['metrics', 0]]);
  });

  it('are five hundred for one connection at most', async () => {
    for (let at = 0; at < 500; at++) {
      const id = `${at.toString(16).padStart(4, '0')}0000-0000-4000-8000-000000000000`;
      rows.set(id, running(id));
      await subscribe({ containerId: id, interval: 60_000 });
    }
    await expect(subscribe({ containerId: A })).resolves.toMatchObject({ error: { code: 'too_many_subscriptions' } });
  });

  it.each([
    [{ containerId: 'nobody' }, 'container_not_found'],
    [{ containerId: A, interval: 499 }, 'validation_failed'],
    [{ containerId: A, interval: 60_001 }, 'validation_failed'],
    [{ containerId: A, interval: 500.5 }, 'validation_failed'],
    [{ containerId: 'x'.repeat(129) }, 'validation_failed'],
    [null, 'validation_failed'],
  ])('are refused for %j', async (payload, code) => {
    await expect(subscribe(payload)).resolves.toMatchObject({ ok: false, error: { code } });
    await expect(gateway.leave(socket.typed, payload)).resolves.toMatchObject({ ok: false });
  });
});
