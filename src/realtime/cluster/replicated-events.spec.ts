import { beforeEach, describe, expect, it } from '@jest/globals';
import { settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { TypedServer } from '../typed-socket.js';
import { ReplicatedEvents } from './replicated-events.js';

const containerId = '0190a4e2-0000-4000-8000-000000000001';
const ownerId = 'admin';

type Listener = (name: unknown, payload: unknown) => void;
let listeners: { of: object; hear: Listener }[];
let messages: number;

/** The servers that one adapter connects: what one says, all others hear, as text that was read back. */
function server(): TypedServer {
  const self = {
    on: (_: string, hear: Listener) => void listeners.push({ of: self, hear }),
    serverSideEmit: (_: string, ...said: unknown[]) => {
      messages += 1;
      const [name, payload] = JSON.parse(JSON.stringify(said)) as unknown[];
      for (const { of, hear } of listeners) if (of !== self) hear(name, payload);
    },
  };
  return self as unknown as TypedServer;
}

function replica() {
  const logger = quietLogger();
  const events = new DomainEvents(logger);
  const heard: unknown[] = [];
  for (const name of ['container.changed', 'container.removed', 'container.deleting', 'engine.available'] as const) {
    events.on(name, (payload) => void heard.push([name, payload]));
  }
  const replicas = new ReplicatedEvents(events, logger);
  replicas.join(server());
  return { events, heard, replicas, logger };
}

describe('what happens on one replica', () => {
  let a: ReturnType<typeof replica>;
  let b: ReturnType<typeof replica>;
  let c: ReturnType<typeof replica>;

  beforeEach(() => {
    [listeners, messages] = [[], 0];
    [a, b, c] = [replica(), replica(), replica()];
  });

  it('is heard on each of the others once, and told on by none', async () => {
    const at = new Date();
    a.events.emit('container.changed', { containerId, ownerId });
    a.events.emit('container.deleting', { containerId });
    a.events.emit('container.removed', { containerId, ownerId, at });
    await settled();
    for (const { heard } of [a, b, c]) {
      expect(heard).toEqual([
        ['container.changed', { containerId, ownerId }],
        ['container.deleting', { containerId }],
        ['container.removed', { containerId, ownerId, at }],
      ]);
    }
    expect(messages).toBe(3);
  });

  it('stays there when it is about its own engine', async () => {
    a.events.emit('engine.available', {});
    await settled();
    expect([a.heard.length, b.heard.length, messages]).toEqual([1, 0, 0]);
  });

  it('stays there when it is announced there alone', async () => {
    b.replicas.emitLocally('container.changed', { containerId, ownerId });
    await settled();
    expect([a.heard, b.heard.length, messages]).toEqual([[], 1, 0]);
  });

  it('is no longer told once the replica ends', async () => {
    a.replicas.onModuleDestroy();
    a.events.emit('container.changed', { containerId, ownerId });
    await settled();
    expect([b.heard, messages]).toEqual([[], 0]);
  });

  it.each([
    ['container.exploded', { containerId }],
    ['container.changed', { containerId: "'; drop" }],
    [null, null],
  ])('is not believed when it is %j %j', async (name, payload) => {
    server().serverSideEmit('domain:event', name as never, payload as never);
    await settled();
    expect(a.heard).toEqual([]);
    expect(a.logger.lines).toMatchObject([{ level: 'warn' }]);
  });
});
