import { beforeEach, describe, expect, it } from '@jest/globals';
import { ADMINISTRATOR } from '../auth/principal.js';
import { pause, quietLogger } from '../../test/support/logs/fake-log-engine.js';
import { FakeSocket } from '../../test/support/sockets/fake-socket.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { EgressDenials } from '../egress/egress-denials.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { SocketCounters } from '../realtime/socket-counters.js';
import type { ContainersService } from './containers.service.js';
import { StatusGateway } from './status.gateway.js';
import type { ContainerSnapshots } from './container-snapshots.js';

let rows: Map<string, ContainerRow>;
let events: DomainEvents;
let gateway: StatusGateway;
let counters: SocketCounters;
let socket: FakeSocket;
/** Delays the look-up of a container, by its status. */
let lookUpDelay: (status: string) => Promise<void>;

beforeEach(() => {
  socket = new FakeSocket();
  socket.data.identity = { ...ADMINISTRATOR, kind: 'service', roles: new Map([['ours', 'viewer']]) };
  rows = new Map(['c1', 'c2'].map((id) => [id, { id, projectId: 'ours', status: 'running' } as ContainerRow]));
  rows.set('c3', { id: 'c3', projectId: 'another', status: 'running' } as ContainerRow);
  events = new DomainEvents(quietLogger);
  const find = async (_: unknown, id: string): Promise<ContainerRow> => {
    const row = rows.get(id);
    if (row === undefined) throw new DomainError('container_not_found', 'no such container');
    return row;
  };
  lookUpDelay = async () => undefined;
  const snapshot = async (id: string) => {
    const row = rows.get(id);
    if (row === undefined) return null;
    await lookUpDelay(row.status);
    const { projectId, status } = row;
    const container = { status, statusReason: null, agent: null, job: null, updatedAt: 'now', name: 'not pushed' };
    return { projectId, container };
  };
  const list = async (id: string, after: number) => [{ seq: after + 1, host: `${id}.example` }];
  const denials = { list } as unknown as EgressDenials;
  counters = new SocketCounters();
  gateway = new StatusGateway(
    { find } as unknown as ContainersService,
    { of: snapshot } as unknown as ContainerSnapshots,
    denials,
    events,
    [],
    counters,
  );
  gateway.onApplicationBootstrap();
});

const subscribe = (payload: unknown, by = socket) => gateway.subscribe(by.typed, payload);

async function change(id: string, status: ContainerRow['status']): Promise<void> {
  const row = rows.get(id)!;
  rows.set(id, { ...row, status });
  events.emit('container.changed', { containerId: id, projectId: row.projectId });
  await pause(1);
}

describe('StatusGateway', () => {
  it('pushes refused connections to subscribers of the container and of all, whose project it is', async () => {
    await subscribe({ containerId: 'c1' });
    const { projectId } = rows.get('c1')!;
    events.emit('egress.denied', { containerId: 'c1', projectId, seq: 7 });
    events.emit('egress.denied', { containerId: 'c2', projectId, seq: 8 });
    events.emit('egress.denied', { containerId: 'c1', projectId: 'of another', seq: 9 });
    await pause(1);
    const denial = { seq: 7, host: 'c1.example' };
    expect(socket.sent).toEqual([{ event: 'egress:denied', payload: { containerId: 'c1', denial } }]);
  });

  it('pushes the status of the container that was subscribed to, and of no other', async () => {
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

  it.each([undefined, null, {}])(
    'pushes the status of every container of the owner after a subscription with %j',
    async (payload) => {
      await subscribe(payload);
      for (const id of rows.keys()) await change(id, 'stopping');
      expect(socket.of('status:update').map(({ containerId }) => containerId)).toEqual(['c1', 'c2']);
    },
  );

  it('pushes the status when the state of the agent changes', async () => {
    await subscribe({ containerId: 'c1' });
    events.emit('agent.changed', { containerId: 'c2' });
    events.emit('agent.changed', { containerId: 'c1' });
    await pause(1);
    expect(socket.of('status:update').map(({ containerId }) => containerId)).toEqual(['c1']);
  });

  it('pushes a status once to a client subscribed to the container and to all', async () => {
    await subscribe({ containerId: 'c1' });
    await subscribe({});
    await change('c1', 'stopping');
    expect(socket.sent).toHaveLength(1);
  });

  it('pushes the removal of a container', async () => {
    await subscribe({});
    const at = new Date();
    events.emit('container.removed', { containerId: 'c1', projectId: 'ours', at });
    await pause(1);
    expect(socket.sent).toEqual([{ event: 'status:removed', payload: { containerId: 'c1', at: at.toISOString() } }]);
  });

  it('counts a subscription until the client unsubscribes or the container is removed', async () => {
    const count = () => counters.subscriptions();
    expect(count()).toEqual([['status', 0]]);
    for (const payload of [{ containerId: 'c1' }, { containerId: 'c1' }, { containerId: 'c2' }, {}])
      await subscribe(payload);
    expect(count()).toEqual([['status', 3]]);
    await gateway.unsubscribe(socket.typed, { containerId: 'c2' });
    events.emit('container.removed', { containerId: 'c1', projectId: 'ours', at: new Date() });
    await pause(1);
    expect(count()).toEqual([['status', 1]]);
  });

  it('never pushes an older status after a newer one, however long a look-up takes', async () => {
    const lookup = Promise.withResolvers<void>();
    lookUpDelay = async (status) => (status === 'stopping' ? lookup.promise : undefined);
    await subscribe({});
    await change('c1', 'stopping');
    await change('c1', 'stopped');
    await change('c1', 'starting');
    lookup.resolve();
    await pause(10);
    expect(socket.of('status:update').map(({ status }) => status)).toEqual(['stopping', 'starting']);
  });

  it('pushes no status after the removal', async () => {
    lookUpDelay = () => pause(10);
    await subscribe({});
    await change('c1', 'deleting');
    events.emit('container.removed', { containerId: 'c1', projectId: 'ours', at: new Date() });
    await pause(30);
    expect(socket.sent.map(({ event }) => event)).toEqual(['status:removed']);
  });

  it('pushes only the latest status to a client that was slow', async () => {
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

  it('pushes nothing after unsubscribing, not even a status that was waiting', async () => {
    await subscribe({ containerId: 'c1' });
    await subscribe({ containerId: 'c2' });
    socket.isPaused = true;
    await change('c2', 'stopping');
    await change('c1', 'stopping');
    await expect(gateway.unsubscribe(socket.typed, { containerId: 'c1' })).resolves.toEqual({ ok: true });
    socket.isPaused = false;
    socket.drain();
    await change('c1', 'stopped');
    expect(socket.sent.map(({ payload }) => payload['containerId'])).toEqual(['c2']);
  });

  it('keeps nothing for sockets that disconnect, even while they subscribe', async () => {
    await subscribe({});
    const other = new FakeSocket();
    const asking = subscribe({ containerId: 'c1' }, other);
    for (const each of [socket, other]) {
      each.connected = false;
      gateway.handleDisconnect(each.typed);
    }
    await asking;
    expect(counters.subscriptions()).toEqual([['status', 0]]);
  });

  it.each([
    [{ containerId: 'nobody' }, 'container_not_found'],
    [{ containerId: 5 }, 'validation_failed'],
    [{ everything: true }, 'validation_failed'],
    [[], 'validation_failed'],
  ])('refuses to subscribe and to unsubscribe with %j', async (payload, code) => {
    await expect(subscribe(payload)).resolves.toMatchObject({ ok: false, error: { code } });
    await expect(gateway.unsubscribe(socket.typed, payload)).resolves.toMatchObject({ ok: false, error: { code } });
  });

  it('allows one connection five hundred subscriptions', async () => {
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
