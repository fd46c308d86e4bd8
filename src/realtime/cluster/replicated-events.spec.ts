import { beforeEach, describe, expect, it } from '@jest/globals';
import { settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { TypedServer } from '../typed-socket.js';
import { ReplicatedEvents } from './replicated-events.js';

const containerId = '0190a4e2-0000-4000-8000-000000000001';
const projectId = 'p';

type Listener = (name: unknown, payload: unknown) => void;
let listeners: { server: object; listener: Listener }[];
let messages: number;

/** One of several servers that an adapter connects: a message of one reaches all others, as parsed JSON. */
function server(): TypedServer {
  const self = {
    on: (_: string, listener: Listener) => void listeners.push({ server: self, listener }),
    serverSideEmit: (_: string, ...sent: unknown[]) => {
      messages += 1;
      const [name, payload] = JSON.parse(JSON.stringify(sent)) as unknown[];
      for (const { server, listener } of listeners) if (server !== self) listener(name, payload);
    },
  };
  return self as unknown as TypedServer;
}

function replica() {
  const logger = quietLogger();
  const events = new DomainEvents(logger);
  const received: unknown[] = [];
  for (const name of ['container.changed', 'container.removed', 'container.deleting', 'engine.available'] as const) {
    events.on(name, (payload) => void received.push([name, payload]));
  }
  const replicas = new ReplicatedEvents(events, logger);
  replicas.join(server());
  return { events, received, replicas, logger };
}

describe('a domain event of one replica', () => {
  let a: ReturnType<typeof replica>;
  let b: ReturnType<typeof replica>;
  let c: ReturnType<typeof replica>;

  beforeEach(() => {
    [listeners, messages] = [[], 0];
    [a, b, c] = [replica(), replica(), replica()];
  });

  it('is received once by each replica, and forwarded by none', async () => {
    const at = new Date();
    a.events.emit('container.changed', { containerId, projectId });
    a.events.emit('container.deleting', { containerId });
    a.events.emit('container.removed', { containerId, projectId, at });
    await settled();
    for (const { received } of [a, b, c]) {
      expect(received).toEqual([
        ['container.changed', { containerId, projectId }],
        ['container.deleting', { containerId }],
        ['container.removed', { containerId, projectId, at }],
      ]);
    }
    expect(messages).toBe(3);
  });

  it('is not replicated when it is about the engine of that process', async () => {
    a.events.emit('engine.available', {});
    await settled();
    expect([a.received.length, b.received.length, messages]).toEqual([1, 0, 0]);
  });

  it('is not replicated when it is emitted locally', async () => {
    b.replicas.emitLocally('container.changed', { containerId, projectId });
    await settled();
    expect([a.received, b.received.length, messages]).toEqual([[], 1, 0]);
  });

  it('is not replicated any more once the replica shuts down', async () => {
    a.replicas.onModuleDestroy();
    a.events.emit('container.changed', { containerId, projectId });
    await settled();
    expect([b.received, messages]).toEqual([[], 0]);
  });

  it.each([
    ['container.exploded', { containerId }],
    ['container.changed', { containerId: "'; drop" }],
    [null, null],
  ])('is logged and ignored when it is %j %j', async (name, payload) => {
    server().serverSideEmit('domain:event', name as never, payload as never);
    await settled();
    expect(a.received).toEqual([]);
    expect(a.logger.lines).toMatchObject([{ level: 'warn' }]);
  });
});
