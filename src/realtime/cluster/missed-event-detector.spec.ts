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

class FakeLink extends ClusterTransport {
  readonly adapter = class {} as never;
  restore: () => void = () => undefined;

  onConnected(listener: () => void): void {
    this.restore = listener;
  }

  async close(): Promise<void> {}
}

let rows: Map<string, ContainerRow>;
let reads: number;
let listing: () => Promise<void>;
let heard: string[];
let events: DomainEvents;
let clock: FakeClock;
let link: FakeLink;
let missed: MissedEventDetector;

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
  [reads, heard, listing] = [0, [], async () => undefined];
  events = new DomainEvents(quietLogger());
  events.on('container.changed', ({ containerId }) => void heard.push(`${containerId.slice(-1)} changed`));
  events.on('container.removed', ({ containerId }) => void heard.push(`${containerId.slice(-1)} removed`));
  clock = new FakeClock();
  link = new FakeLink();
  missed = start(link);
  await settled();
});

afterEach(() => missed.onModuleDestroy());

const write = (id: string, updatedAt = new Date()) => rows.set(id, containerRow({ id, updatedAt }));

describe('what no other replica told', () => {
  it('is nothing at the start, nor as long as the rows stay as they are', async () => {
    for (let beat = 0; beat < 3; beat++) await clock.advance(15_000);
    expect(reads).toBe(4);
    expect(heard).toEqual([]);
  });

  it('is found in the rows within 15 seconds: new ones, changed ones and removed ones', async () => {
    const carol = ALICE.replace(/a$/, 'c');
    write(ALICE);
    write(carol);
    rows.delete(BOB);
    await clock.advance(15_000);
    expect(heard).toEqual(['a changed', 'c changed', 'b removed']);
    await clock.advance(15_000);
    expect(heard).toHaveLength(3);
  });

  it('is found at once when the link is back', async () => {
    rows.delete(BOB);
    link.restore();
    await settled();
    expect(heard).toEqual(['b removed']);
  });

  it('is not told again of a container whose removal was told, before or while the rows are read', async () => {
    const remove = (containerId: string) => {
      rows.delete(containerId);
      events.emit('container.removed', { containerId, ownerId: 'admin', at: clock.now() });
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
    expect(heard).toEqual(['a removed', 'b removed']);
  });

  it('is the removal of one that was made since the last look, and only heard of', async () => {
    const carol = ALICE.replace(/a$/, 'c');
    events.emit('container.changed', { containerId: carol, ownerId: 'admin' });
    await clock.advance(15_000);
    await clock.advance(15_000);
    expect(heard).toEqual(['c changed', 'c removed']);
  });

  it('is not the removal of one that is made while the rows are read', async () => {
    const carol = ALICE.replace(/a$/, 'c');
    listing = async () => {
      listing = async () => undefined;
      write(carol);
      events.emit('container.changed', { containerId: carol, ownerId: 'admin' });
      await settled();
    };
    for (let beat = 0; beat < 3; beat++) await clock.advance(15_000);
    expect(heard).toEqual(['c changed', 'c changed']);
  });

  it('is no second removal when a change is heard of after it', async () => {
    rows.delete(ALICE);
    events.emit('container.removed', { containerId: ALICE, ownerId: 'admin', at: clock.now() });
    await settled();
    events.emit('container.changed', { containerId: ALICE, ownerId: 'admin' });
    for (let beat = 0; beat < 3; beat++) await clock.advance(15_000);
    expect(heard).toEqual(['a removed', 'a changed']);
  });

  it('is found later when the database is away', async () => {
    listing = async () => {
      throw new Error('away');
    };
    write(ALICE);
    await clock.advance(15_000);
    expect(heard).toEqual([]);
    listing = async () => undefined;
    await clock.advance(15_000);
    expect(heard).toEqual(['a changed']);
  });

  it('is not looked for by a process that is alone, nor by one that ends', async () => {
    const before = reads;
    const alone = start(new SingleProcessTransport());
    await missed.onModuleDestroy();
    await clock.advance(60_000);
    link.restore();
    await settled();
    expect(reads).toBe(before);
    await alone.onModuleDestroy();
  });
});
