import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { MissedEventDetector } from './missed-event-detector.js';
import { ReplicatedEvents } from './replicated-events.js';
import { SingleProcessTransport, ClusterTransport } from './cluster-transport.js';

const ALICE = '0190a4e2-0000-4000-8000-00000000000a';
const BOB = '0190a4e2-0000-4000-8000-00000000000b';

class FakeTransport extends ClusterTransport {
  readonly adapter = class {} as never;
  reconnect: () => void = () => undefined;

  onConnected(listener: () => void): void {
    this.reconnect = listener;
  }

  async close(): Promise<void> {}
}

let rows: Map<string, ContainerRow>;
let reads: number;
let listing: () => Promise<void>;
let received: string[];
let events: DomainEvents;
let clock: FakeClock;
let transport: FakeTransport;
let detector: MissedEventDetector;

function start(given: ClusterTransport): MissedEventDetector {
  const listAll = async () => {
    reads += 1;
    const found = [...rows.values()];
    await listing();
    return found;
  };
  const logger = quietLogger();
  const made = new MissedEventDetector(
    given,
    { listAll } as unknown as ContainersRepository,
    new ReplicatedEvents(events, logger),
    events,
    clock,
    logger,
  );
  made.onApplicationBootstrap();
  return made;
}

beforeEach(async () => {
  rows = new Map([ALICE, BOB].map((id) => [id, containerRow({ id })]));
  [reads, received, listing] = [0, [], async () => undefined];
  events = new DomainEvents(quietLogger());
  events.on('container.changed', ({ containerId }) => void received.push(`${containerId.slice(-1)} changed`));
  events.on('container.removed', ({ containerId }) => void received.push(`${containerId.slice(-1)} removed`));
  clock = new FakeClock();
  transport = new FakeTransport();
  detector = start(transport);
  await settled();
});

afterEach(() => detector.onModuleDestroy());

const write = (id: string, updatedAt = new Date()) => rows.set(id, containerRow({ id, updatedAt }));

describe('a missed event', () => {
  it('is not reported at the start, nor while the rows stay the same', async () => {
    for (let beat = 0; beat < 3; beat++) await clock.advance(15_000);
    expect(reads).toBe(4);
    expect(received).toEqual([]);
  });

  it('is found within 15 seconds for a new, a changed and a removed container', async () => {
    const carol = ALICE.replace(/a$/, 'c');
    write(ALICE);
    write(carol);
    rows.delete(BOB);
    await clock.advance(15_000);
    expect(received).toEqual(['a changed', 'c changed', 'b removed']);
    await clock.advance(15_000);
    expect(received).toHaveLength(3);
  });

  it('is found at once when the transport is connected again', async () => {
    rows.delete(BOB);
    transport.reconnect();
    await settled();
    expect(received).toEqual(['b removed']);
  });

  it('is not reported for a container whose removal was received, before or while the rows are read', async () => {
    const remove = (containerId: string) => {
      rows.delete(containerId);
      events.emit('container.removed', { containerId, projectId: 'p', at: clock.now() });
    };
    remove(ALICE);
    await settled();
    listing = async () => {
      listing = async () => undefined;
      remove(BOB);
      await settled();
    };
    await clock.advance(15_000);
    await settled();
    await clock.advance(15_000);
    expect(received).toEqual(['a removed', 'b removed']);
  });

  it('is found for the removal of a container that is only known from an event', async () => {
    const carol = ALICE.replace(/a$/, 'c');
    events.emit('container.changed', { containerId: carol, projectId: 'p' });
    await clock.advance(15_000);
    await clock.advance(15_000);
    expect(received).toEqual(['c changed', 'c removed']);
  });

  it('is not the removal of a container that is created while the rows are read', async () => {
    const carol = ALICE.replace(/a$/, 'c');
    listing = async () => {
      listing = async () => undefined;
      write(carol);
      events.emit('container.changed', { containerId: carol, projectId: 'p' });
      await settled();
    };
    for (let beat = 0; beat < 3; beat++) await clock.advance(15_000);
    expect(received).toEqual(['c changed', 'c changed']);
  });

  it('is not a second removal when a change is received after the first', async () => {
    rows.delete(ALICE);
    events.emit('container.removed', { containerId: ALICE, projectId: 'p', at: clock.now() });
    await settled();
    events.emit('container.changed', { containerId: ALICE, projectId: 'p' });
    for (let beat = 0; beat < 3; beat++) await clock.advance(15_000);
    expect(received).toEqual(['a removed', 'a changed']);
  });

  it('is found later when the database is unavailable', async () => {
    listing = async () => {
      throw new Error('unavailable');
    };
    write(ALICE);
    await clock.advance(15_000);
    expect(received).toEqual([]);
    listing = async () => undefined;
    await clock.advance(15_000);
    expect(received).toEqual(['a changed']);
  });

  it('is not looked for by a single process, nor by one that has shut down', async () => {
    const before = reads;
    const alone = start(new SingleProcessTransport());
    await detector.onModuleDestroy();
    await clock.advance(60_000);
    transport.reconnect();
    await settled();
    expect(reads).toBe(before);
    await alone.onModuleDestroy();
  });
});
