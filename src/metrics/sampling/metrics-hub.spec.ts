import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { quietLogger } from '../../../test/support/logs/fake-log-engine.js';
import { FakeSocket } from '../../../test/support/sockets/fake-socket.js';
import { DomainError } from '../../common/errors/domain-error.js';
import type { ContainersService } from '../../containers/containers.service.js';
import { AgentStates } from '../../agent-state/agent-states.js';
import { ModelProblems } from '../../agent-state/model-problems.js';
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
let counters: SocketCounters;
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
    new AgentStates(events, new ModelProblems(events)),
    events,
    quietLogger,
  );
  const find = async (_: unknown, id: string): Promise<ContainerRow> => {
    const row = await late(rows.get(id));
    if (row === undefined) throw new DomainError('container_not_found', 'no such container');
    return row;
  };
  counters = new SocketCounters();
  gateway = new MetricsGateway({ find } as unknown as ContainersService, hub, [driverErrorToDomainError], counters);
  socket = new FakeSocket();
  await hub.onApplicationBootstrap();
});

afterEach(() => {
  hub.onModuleDestroy();
  if (sources.opened.length + jest.getTimerCount() > 0) throw new Error('a source or a timer was left behind');
  jest.useRealTimers();
});

/** Returns the row as it was at the time of the call, after the next delay of `findMs`. */
async function late<Row>(row: Row): Promise<Row> {
  const ms = findMs.shift() ?? 0;
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  return row;
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

async function change(id: string, status: ContainerRow['status']): Promise<void> {
  rows.set(id, { ...rows.get(id)!, status });
  events.emit('container.changed', { containerId: id, projectId: 'p' });
  await pass(1);
}

async function remove(id: string): Promise<void> {
  rows.delete(id);
  events.emit('container.removed', { containerId: id, projectId: 'p', at: new Date() });
  await pass(1);
}

describe('the metrics hub', () => {
  it('samples every running container in the background and keeps a history', async () => {
    await pass(60_300);
    expect(sources.opened.toSorted()).toEqual(['docker-' + A, 'docker-' + B]);
    expect(hub.latest(A)).toMatchObject({ containerId: A, disk: { usedMB: 5 } });
    expect(hub.history(A, 3_600_000)).toHaveLength(12);
    expect(hub.history(A, 10_000).length).toBeLessThanOrEqual(2);
  });

  it('does not sample stopped containers', async () => {
    await pass(10_000);
    await change(A, 'stopped');
    expect(hub.latest(A)).toBeUndefined();
    expect(sources.opened).toEqual(['docker-' + B]);
    await expect(hub.now(rows.get(A)!)).rejects.toMatchObject({ code: 'invalid_state' });
    expect(hub.history(A, 60_000).length).toBeGreaterThan(0);
  });

  it('forgets a removed container', async () => {
    await pass(10_000);
    await remove(A);
    expect([hub.latest(A), hub.history(A, 60_000), forgotten]).toEqual([undefined, [], [A]]);
  });

  it('samples a container that was created again by its new engine id', async () => {
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

  it('does not sample a container that was removed during its look-up', async () => {
    findMs = [300];
    await change(A, 'running');
    await remove(A);
    await pass(10_000);
    expect(sources.opened).toEqual(['docker-' + B]);
  });

  it('looks up a container that cannot be sampled, because it may have stopped without an event', async () => {
    await pass(10_000);
    rows.set(A, { ...rows.get(A)!, status: 'stopped' });
    sources.failure = new DriverError('conflict', 'the container does not run');
    await pass(10_000);
    sources.failure = undefined;
    await pass(10_000);
    expect(sources.opened).toEqual(['docker-' + B]);
  });

  it('reports why a container cannot be sampled', async () => {
    sources.failure = new DriverError('unavailable', 'the engine is unavailable');
    await expect(hub.now(rows.get(A)!)).rejects.toBe(sources.failure);
    sources.failure = new DriverError('conflict', 'the container does not run');
    await expect(hub.now(rows.get(A)!)).rejects.toMatchObject({ code: 'invalid_state' });
  });

  it('does not wait for the measurement of the disk', async () => {
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

  it('samples nothing after its shutdown', async () => {
    hub.onModuleDestroy();
    hub.track(running(A));
    await pass(10_000);
    expect(sources.opened).toEqual([]);
  });
});

const subscribe = (payload: unknown, by = socket) => gateway.subscribe(by.typed, payload);

describe('metrics subscriptions', () => {
  it('share samples and have their own intervals', async () => {
    await pass(10_000);
    const sockets = Array.from({ length: 20 }, () => new FakeSocket());
    for (const each of sockets) await subscribe({ containerId: A, interval: 1_000 }, each);
    await subscribe({ containerId: A }, socket);
    await pass(1_000);
    sources.reads = 0;
    const before = sockets.map((each) => each.of('metrics:update').length);
    await pass(10_000);
    // Ten ticks, plus the samples of the other container and of the background interval.
    expect(sources.reads).toBeLessThanOrEqual(10 + 2 + 2);
    expect(sockets.map((each, at) => each.of('metrics:update').length - before[at]!)).toEqual(sockets.map(() => 10));
    expect(socket.of('metrics:update').length).toBeGreaterThanOrEqual(5);
    expect(socket.of('metrics:update')[0]).toMatchObject({ containerId: A, metrics: { containerId: A } });
  });

  it('change their interval when repeated, and end upon unsubscribing', async () => {
    expect(counters.subscriptions()).toEqual([['metrics', 0]]);
    await subscribe({ containerId: A, interval: 500 });
    await subscribe({ containerId: A, interval: 60_000 });
    expect(counters.subscriptions()).toEqual([['metrics', 1]]);
    await pass(30_000);
    expect(socket.of('metrics:update').length).toBeLessThanOrEqual(1);
    await expect(gateway.leave(socket.typed, { containerId: A })).resolves.toEqual({ ok: true });
    expect(counters.subscriptions()).toEqual([['metrics', 0]]);
    const { length } = socket.sent;
    await pass(120_000);
    expect(socket.sent).toHaveLength(length);
  });

  it('report the stop of the container, and continue when it runs again', async () => {
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

  it('report the removal of the container, and end', async () => {
    await subscribe({ containerId: A, interval: 500 });
    await remove(A);
    expect(socket.of('metrics:error')).toMatchObject([{ error: { code: 'container_not_found' } }]);
    await pass(5_000);
    expect(socket.of('metrics:update')).toEqual([]);
  });

  it('continue when the container was created again without a stop in between', async () => {
    await subscribe({ containerId: A, interval: 500 });
    await pass(2_000);
    rows.set(A, { ...rows.get(A)!, runtimeId: 'docker-new' });
    await change(A, 'running');
    const { length } = socket.of('metrics:update');
    await pass(5_000);
    expect(socket.of('metrics:update').length).toBeGreaterThanOrEqual(length + 9);
    expect(socket.of('metrics:error')).toEqual([]);
  });

  it('report an outage of the engine once, and continue afterwards', async () => {
    await subscribe({ containerId: A, interval: 500 });
    await pass(2_000);
    sources.failure = new DriverError('unavailable', 'the engine is unavailable');
    await pass(30_000);
    expect(socket.of('metrics:error')).toMatchObject([{ containerId: A, error: { code: 'engine_unavailable' } }]);
    sources.failure = undefined;
    const { length } = socket.of('metrics:update');
    await pass(3_000);
    expect(socket.of('metrics:update').length).toBeGreaterThanOrEqual(length + 3);
    sources.failure = new DriverError('unavailable', 'unavailable again');
    await pass(3_000);
    expect(socket.of('metrics:error')).toHaveLength(2);
  });

  it('report a stop or removal that is only noticed by a failed sample', async () => {
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

  it('of one client take effect in the order of its requests', async () => {
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

  it('of a paused client hold only the latest message of each container', async () => {
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

  it('end when the client disconnects, even during a request', async () => {
    await subscribe({ containerId: A, interval: 500 });
    const asking = subscribe({ containerId: B, interval: 500 });
    socket.connected = false;
    gateway.handleDisconnect(socket.typed);
    await asking;
    await pass(10_000);
    expect(socket.sent).toEqual([]);
    expect(counters.subscriptions()).toEqual([['metrics', 0]]);
  });

  it('are limited to five hundred for each connection', async () => {
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
  ])('are rejected for %j', async (payload, code) => {
    await expect(subscribe(payload)).resolves.toMatchObject({ ok: false, error: { code } });
    await expect(gateway.leave(socket.typed, payload)).resolves.toMatchObject({ ok: false });
  });
});
