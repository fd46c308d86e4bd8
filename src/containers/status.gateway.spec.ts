import { beforeEach, describe, expect, it } from '@jest/globals';
import { pause, quietLogger } from '../../test/support/logs/fake-log-engine.js';
import { FakeSocket } from '../../test/support/sockets/fake-socket.js';
import { DomainError } from '../common/errors/domain-error.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { SocketCounters } from '../realtime/socket-counters.js';
import type { ContainerView } from './container-view.js';
import type { ContainersService } from './containers.service.js';
import { StatusGateway } from './status.gateway.js';

let rows: Map<string, ContainerRow>;
let events: DomainEvents;
let gateway: StatusGateway;
let tally: SocketCounters;
let socket: FakeSocket;
let viewing: (status: string) => Promise<void>;

beforeEach(() => {
  socket = new FakeSocket();
  const { ownerId } = socket.data.principal;
  rows = new Map(['c1', 'c2'].map((id) => [id, { id, ownerId, status: 'running' } as ContainerRow]));
  rows.set('c3', { id: 'c3', ownerId: 'somebody else', status: 'running' } as ContainerRow);
  events = new DomainEvents(quietLogger);
  const find = async (_: unknown, id: string): Promise<ContainerRow> => {
    const row = rows.get(id);
    if (row === undefined) throw new DomainError('container_not_found', 'no such container');
    return row;
  };
  const repository = { findById: async (id: string) => rows.get(id) ?? null } as unknown as ContainersRepository;
  viewing = async () => undefined;
  const view = {
    one: async ({ status }: ContainerRow) => (
      await viewing(status),
      { status, statusReason: null, agent: null, job: null, updatedAt: 'now', name: 'not in it' }
    ),
  } as unknown as ContainerView;
  tally = new SocketCounters();
  gateway = new StatusGateway({ find } as unknown as ContainersService, repository, view, events, [], tally);
  gateway.onApplicationBootstrap();
});

const subscribe = (payload: unknown, by = socket) => gateway.subscribe(by.typed, payload);

async function change(id: string, status: ContainerRow['status']): Promise<void> {
  const row = rows.get(id)!;
  rows.set(id, { ...row, status });
  events.emit('container.changed', { containerId: id, ownerId: row.ownerId });
  await pause(1);
}

describe('the status of containers', () => {
  it('is pushed for the one asked for', async () => {
    await expect(subscribe({ containerId: 'c1' })).resolves.toEqual({ ok: true });
    await change('c1', 'stopping');
    await change('c2', 'stopping');
    expect(socket.sent).toEqual([
      {
        event: 'status:update',
        payload: { containerId: 'c1', status: 'stopping', statusReason: null, agent: null, job: null, at: 'now' },
      },
    ]);
  });

  it.each([undefined, null, {}])('is pushed for all that the client may see (%j)', async (payload) => {
    await subscribe(payload);
    for (const id of rows.keys()) await change(id, 'stopping');
    expect(socket.of('status:update').map(({ containerId }) => containerId)).toEqual(['c1', 'c2']);
  });

  it('is pushed when the agent does something else', async () => {
    await subscribe({ containerId: 'c1' });
    events.emit('agent.changed', { containerId: 'c2' });
    events.emit('agent.changed', { containerId: 'c1' });
    await pause(1);
    expect(socket.of('status:update').map(({ containerId }) => containerId)).toEqual(['c1']);
  });

  it('is pushed once to who asked for one and for all', async () => {
    await subscribe({ containerId: 'c1' });
    await subscribe({});
    await change('c1', 'stopping');
    expect(socket.sent).toHaveLength(1);
  });

  it('ends with the removal', async () => {
    await subscribe({});
    const at = new Date();
    events.emit('container.removed', { containerId: 'c1', ownerId: socket.data.principal.ownerId, at });
    await pause(1);
    expect(socket.sent).toEqual([{ event: 'status:removed', payload: { containerId: 'c1', at: at.toISOString() } }]);
  });

  it('takes up one subscription for each container and for all, until it is left or the container is removed', async () => {
    const count = () => tally.subscriptions();
    expect(count()).toEqual([['status', 0]]);
    for (const payload of [{ containerId: 'c1' }, { containerId: 'c1' }, { containerId: 'c2' }, {}])
      await subscribe(payload);
    expect(count()).toEqual([['status', 3]]);
    await gateway.leave(socket.typed, { containerId: 'c2' });
    events.emit('container.removed', { containerId: 'c1', ownerId: socket.data.principal.ownerId, at: new Date() });
    await pause(1);
    expect(count()).toEqual([['status', 1]]);
  });

  it('is never older than one that was pushed before, however long it takes to look it up', async () => {
    const lookup = Promise.withResolvers<void>();
    viewing = async (status) => (status === 'stopping' ? lookup.promise : undefined);
    await subscribe({});
    await change('c1', 'stopping');
    await change('c1', 'stopped');
    await change('c1', 'starting');
    lookup.resolve();
    await pause(10);
    expect(socket.of('status:update').map(({ status }) => status)).toEqual(['stopping', 'starting']);
  });

  it('does not come after the removal', async () => {
    viewing = () => pause(10);
    await subscribe({});
    await change('c1', 'deleting');
    events.emit('container.removed', { containerId: 'c1', ownerId: socket.data.principal.ownerId, at: new Date() });
    await pause(30);
    expect(socket.sent.map(({ event }) => event)).toEqual(['status:removed']);
  });

  it('is the latest one for a client that was slow', async () => {
    socket.isPaused = true;
    await subscribe({});
    for (const status of ['stopping', 'stopped', 'starting', 'running'] as const)
      for (const id of ['c1', 'c2']) await change(id, status);
    socket.isPaused = false;
    socket.drain();
    expect(socket.sent.map(({ payload: { containerId, status } }) => `${containerId} ${status}`)).toEqual([
      'c1 stopping',
      'c2 running',
      'c1 running',
    ]);
  });

  it('is not pushed any more once it was left, not even what waited', async () => {
    await subscribe({ containerId: 'c1' });
    await subscribe({ containerId: 'c2' });
    socket.isPaused = true;
    await change('c2', 'stopping');
    await change('c1', 'stopping');
    await expect(gateway.leave(socket.typed, { containerId: 'c1' })).resolves.toEqual({ ok: true });
    socket.isPaused = false;
    socket.drain();
    await change('c1', 'stopped');
    expect(socket.sent.map(({ payload }) => payload['containerId'])).toEqual(['c2']);
  });

  it('is kept for nobody who left, also while asking', async () => {
    await subscribe({});
    const other = new FakeSocket();
    const asking = subscribe({ containerId: 'c1' }, other);
    for (const each of [socket, other]) {
      each.connected = false;
      gateway.handleDisconnect(each.typed);
    }
    await asking;
    expect(tally.subscriptions()).toEqual([['status', 0]]);
  });

  it.each([
    [{ containerId: 'nobody' }, 'container_not_found'],
    [{ containerId: 5 }, 'validation_failed'],
    [{ everything: true }, 'validation_failed'],
    [[], 'validation_failed'],
  ])('is refused for %j', async (payload, code) => {
    await expect(subscribe(payload)).resolves.toMatchObject({ ok: false, error: { code } });
    await expect(gateway.leave(socket.typed, payload)).resolves.toMatchObject({ ok: false, error: { code } });
  });

  it('is asked for at most five hundred times by one connection', async () => {
    for (let at = 0; at < 500; at++) {
      rows.set(`m${at}`, { ...rows.get('c1')!, id: `m${at}` });
      await subscribe({ containerId: `m${at}` });
    }
    await expect(subscribe({ containerId: 'c1' })).resolves.toMatchObject({
      error: { code: 'too_many_subscriptions' },
    });
    await expect(subscribe({ containerId: 'm1' })).resolves.toEqual({ ok: true });
  });
});
