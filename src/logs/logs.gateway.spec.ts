import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, FakeLogEngine, FastClock, pause, quietLogger } from '../../test/support/logs/fake-log-engine.js';
import { FakeSocket } from '../../test/support/sockets/fake-socket.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { ContainersService } from '../containers/containers.service.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { SocketCounters } from '../realtime/socket-counters.js';
import { LogHub } from './log-hub.js';
import { LogsGateway } from './logs.gateway.js';

let engine: FakeLogEngine;
let events: DomainEvents;
let hub: LogHub;
let gateway: LogsGateway;
let counters: SocketCounters;
let socket: FakeSocket;
let finding: Promise<void>;

beforeEach(() => {
  engine = new FakeLogEngine();
  engine.run('docker-c1');
  events = new DomainEvents(quietLogger);
  finding = Promise.resolve();
  const find = async (_: unknown, id: string): Promise<ContainerRow> => {
    await finding;
    if (!id.startsWith('c')) throw new DomainError('container_not_found', 'no such container');
    return { id, runtimeId: `docker-${id}`, status: 'running' } as ContainerRow;
  };
  const rows = { findById: (id: string) => find(undefined, id) } as unknown as ContainersRepository;
  hub = new LogHub(engine.driver, rows, events, new FastClock(), quietLogger);
  hub.onApplicationBootstrap();
  counters = new SocketCounters();
  gateway = new LogsGateway({ find } as unknown as ContainersService, hub, [], counters);
  socket = new FakeSocket();
});

afterEach(() => hub.onModuleDestroy());

const subscribe = (payload: unknown, by = socket) => gateway.subscribe(by.typed, payload);
const messages = (event: string): string[] =>
  socket.of(event).flatMap(({ lines }) => (lines as { message: string }[]).map(({ message }) => message));

describe('a log subscription', () => {
  it('sends the initial lines once, then the lines that follow', async () => {
    engine.write('docker-c1', 'a', 'b', 'c');
    await expect(subscribe({ containerId: 'c1', tail: 2 })).resolves.toEqual({ ok: true });
    engine.write('docker-c1', 'd');
    await eventually(() => messages('logs:update').includes('d'));
    expect(messages('logs:initial')).toEqual(['b', 'c']);
    expect(socket.sent[0]).toMatchObject({ event: 'logs:initial', payload: { containerId: 'c1' } });
    expect(messages('logs:update')).toEqual(['d']);
  });

  it('sends the initial lines even when there are none', async () => {
    await subscribe({ containerId: 'c1', tail: 0 });
    expect(socket.of('logs:initial')).toEqual([{ containerId: 'c1', lines: [] }]);
  });

  it('starts over when it is repeated', async () => {
    engine.write('docker-c1', 'a', 'b');
    await Promise.all([subscribe({ containerId: 'c1' }), subscribe({ containerId: 'c1', tail: 1 })]);
    engine.write('docker-c1', 'c');
    await eventually(() => messages('logs:update').length > 0);
    await pause(10);
    expect(socket.of('logs:initial').at(-1)).toMatchObject({ lines: [{ message: 'b' }] });
    expect(messages('logs:update')).toEqual(['c']);
  });

  it('sends nothing after unsubscribing', async () => {
    await subscribe({ containerId: 'c1' });
    expect(counters.subscriptions()).toEqual([['logs', 1]]);
    await expect(gateway.unsubscribe(socket.typed, { containerId: 'c1' })).resolves.toEqual({ ok: true });
    expect(counters.subscriptions()).toEqual([['logs', 0]]);
    const { length } = socket.sent;
    engine.write('docker-c1', 'unseen');
    await pause(10);
    expect(socket.sent).toHaveLength(length);
  });

  it('reports the stop, the loss and the removal of the container', async () => {
    await subscribe({ containerId: 'c1' });
    engine.stop('docker-c1');
    await eventually(() => socket.of('logs:end').length === 1);
    expect(socket.of('logs:end')).toEqual([{ containerId: 'c1', reason: 'stopped' }]);
    engine.remove('docker-c1');
    events.emit('container.changed', { containerId: 'c1', projectId: 'p' });
    await eventually(() => socket.of('logs:error').length === 1);
    events.emit('container.removed', { containerId: 'c1', projectId: 'p', at: new Date() });
    await eventually(() => socket.of('logs:end').length === 2);
    expect(socket.of('logs:end')[1]).toEqual({ containerId: 'c1', reason: 'removed' });
  });

  it.each([
    [{ containerId: 'unknown' }, 'container_not_found'],
    [{ containerId: 'c1', tail: -1 }, 'validation_failed'],
    [{ containerId: 'c1', tail: 10_001 }, 'validation_failed'],
    [{ containerId: 'c1', tail: '5' }, 'validation_failed'],
    [{ containerId: 'c1', stream: 'both' }, 'validation_failed'],
    [undefined, 'validation_failed'],
  ])('is rejected for %j', async (payload, code) => {
    await expect(subscribe(payload)).resolves.toMatchObject({ ok: false, error: { code } });
  });

  it('is rejected while the engine is unavailable', async () => {
    engine.isUnavailable = true;
    await expect(subscribe({ containerId: 'c1' })).resolves.toMatchObject({ ok: false });
    engine.isUnavailable = false;
    await expect(subscribe({ containerId: 'c1' })).resolves.toEqual({ ok: true });
  });
});

describe('a connection with log subscriptions', () => {
  const run = (from: number, to: number): void => {
    for (let at = from; at <= to; at++) engine.run(`docker-c${at}`, `c${at}`);
  };

  it('has at most a hundred, not counting removed containers', async () => {
    run(1, 101);
    for (let at = 1; at <= 100; at++) await subscribe({ containerId: `c${at}` });
    await expect(subscribe({ containerId: 'c101' })).resolves.toMatchObject({
      error: { code: 'too_many_subscriptions' },
    });
    await expect(subscribe({ containerId: 'c100' })).resolves.toEqual({ ok: true });
    events.emit('container.removed', { containerId: 'c7', projectId: 'p', at: new Date() });
    await eventually(() => socket.of('logs:end').length === 1);
    await expect(subscribe({ containerId: 'c101' })).resolves.toEqual({ ok: true });
  });

  it('gets its messages later when it is paused, without delaying other connections', async () => {
    socket.isPaused = true;
    const other = new FakeSocket();
    await subscribe({ containerId: 'c1' });
    await subscribe({ containerId: 'c1' }, other);
    for (let at = 0; at < 5; at++) {
      engine.write('docker-c1', `line ${at}`);
      await pause(20);
    }
    expect(socket.sent.map(({ event }) => event)).toEqual(['logs:initial']);
    expect(other.of('logs:update')).toHaveLength(5);
    socket.drain();
    expect(messages('logs:update')).toEqual(['line 0', 'line 1', 'line 2', 'line 3', 'line 4']);
  });

  it('leaves no subscription behind when it closes during a request', async () => {
    const found = Promise.withResolvers<void>();
    await subscribe({ containerId: 'c1' });
    finding = found.promise;
    const asking = subscribe({ containerId: 'c1', tail: 5 });
    socket.connected = false;
    gateway.handleDisconnect(socket.typed);
    found.resolve();
    await asking;
    const { length } = socket.sent;
    engine.write('docker-c1', 'unseen');
    await pause(10);
    expect(socket.sent).toHaveLength(length);
    expect(counters.subscriptions()).toEqual([['logs', 0]]);
  });

  it('leaves the log when it closes while joining it', async () => {
    engine.write('docker-c1', 'a');
    engine.beforeBatch = () => pause(10);
    const joining = subscribe({ containerId: 'c1' });
    await pause(5);
    socket.connected = false;
    gateway.handleDisconnect(socket.typed);
    await joining;
    expect(socket.sent).toEqual([]);
    expect(counters.subscriptions()).toEqual([['logs', 0]]);
  });
});
