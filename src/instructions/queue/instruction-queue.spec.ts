import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { instructionRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import type {
  ClaimedInstruction,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';
import type { Presence } from '../../persistence/presence.js';
import { InstructionLeases, LEASE_MS } from './instruction-leases.js';
import type { InstructionWorker } from './instruction-worker.js';
import { InstructionQueue } from './instruction-queue.js';

const SWEEP_EVERY_MS = 2_000;

describe('InstructionRuns', () => {
  /** What is in the queue of each container. */
  let queues: Map<string, string[]>;
  let startable: Set<string>;
  let begun: string[];
  let ends: Map<string, () => void>;
  const releaseLeasesOf = jest.fn<InstructionsRepository['releaseLeasesOf']>();
  const claimable = jest.fn<InstructionsRepository['claimable']>();
  const claim = jest.fn<InstructionsRepository['claim']>();
  let holders: string[];
  let clock: FakeClock;
  let events: DomainEvents;
  let runs: InstructionQueue;

  beforeEach(() => {
    queues = new Map();
    startable = new Set(['c', 'd']);
    [begun, ends, holders] = [[], new Map(), []];
    releaseLeasesOf.mockReset().mockResolvedValue();
    claimable.mockReset().mockResolvedValue([]);
    claim.mockReset().mockImplementation(async (containerId, holder): Promise<ClaimedInstruction | null> => {
      const id = startable.has(containerId) ? queues.get(containerId)?.shift() : undefined;
      return id === undefined
        ? null
        : { row: instructionRow({ id, containerId }), lease: { instructionId: id, holder, fence: 1 } };
    });
    const repository = {
      claim,
      claimable,
      unfinished: async (id: string) => (queues.get(id)?.length ?? 0) > 0,
      leaseHolders: async () => holders,
      releaseLeasesOf,
      release: async () => undefined,
      renew: async () => [],
    } as unknown as InstructionsRepository;
    const run = {
      toItsEnd: ({ id }, holding) => {
        begun.push(id);
        return new Promise<void>((resolve) => {
          ends.set(id, resolve);
          holding.signal.addEventListener('abort', () => resolve());
        });
      },
    } as InstructionWorker;
    clock = new FakeClock();
    events = new DomainEvents(quietLogger());
    const presence = { holder: 'me', hasEnded: async (holder: string) => holder === 'dead' } as Presence;
    const held = new InstructionLeases(repository, events, clock, quietLogger());
    runs = new InstructionQueue(repository, run, held, presence, events, clock, quietLogger());
    runs.onApplicationBootstrap();
  });
  afterEach(() => runs.onModuleDestroy());

  const wake = async (containerId: string): Promise<void> => {
    runs.wake(containerId);
    await settled();
  };
  const end = async (id: string): Promise<void> => {
    ends.get(id)!();
    await settled();
  };

  it('works through a container’s queue one after the other, and through containers at once', async () => {
    queues = new Map([
      ['c', ['c1', 'c2']],
      ['d', ['d1']],
    ]);
    await wake('c');
    await wake('d');
    expect(begun).toEqual(['c1', 'd1']);
    expect(claim.mock.calls[0]).toEqual(['c', 'me', LEASE_MS]);
    await end('c1');
    expect(begun).toEqual(['c1', 'd1', 'c2']);
    await end('c2');
    await end('d1');
    expect(begun).toHaveLength(3);
  });

  it('sees what was accepted while it worked', async () => {
    queues.set('c', ['c1']);
    await wake('c');
    queues.set('c', ['c2']);
    await wake('c');
    expect(begun).toEqual(['c1']);
    await end('c1');
    expect(begun).toEqual(['c1', 'c2']);
  });

  it('begins what waits as soon as its container changes, and asks for no other', async () => {
    startable.clear();
    queues.set('c', ['c1']);
    await wake('c');
    startable.add('c');
    claim.mockClear();
    events.emit('container.changed', { containerId: 'd', ownerId: 'admin' });
    await settled();
    expect(claim).not.toHaveBeenCalled();
    events.emit('container.changed', { containerId: 'c', ownerId: 'admin' });
    await settled();
    expect(begun).toEqual(['c1']);
    await end('c1');
    claim.mockClear();
    events.emit('container.changed', { containerId: 'c', ownerId: 'admin' });
    await settled();
    expect(claim).not.toHaveBeenCalled();
  });

  it('finds what it was not told of, at its start and every two seconds', async () => {
    queues = new Map([
      ['c', ['c1']],
      ['d', ['d1']],
    ]);
    await settled();
    claimable.mockResolvedValue(['c', 'd']);
    await clock.advance(SWEEP_EVERY_MS);
    expect(begun).toEqual(['c1', 'd1']);
    expect(claimable).toHaveBeenCalledTimes(2);
  });

  it('frees what processes held that have ended', async () => {
    holders = ['me', 'dead', 'alive'];
    await clock.advance(SWEEP_EVERY_MS);
    expect(releaseLeasesOf.mock.calls).toEqual([['dead']]);
  });

  it('goes on after the database was away', async () => {
    queues.set('c', ['c1']);
    claim.mockRejectedValueOnce(new Error('away'));
    await wake('c');
    claimable.mockRejectedValueOnce(new Error('away'));
    await clock.advance(SWEEP_EVERY_MS);
    claimable.mockResolvedValue(['c']);
    await clock.advance(SWEEP_EVERY_MS);
    expect(begun).toEqual(['c1']);
  });

  it('lets go at once when the process ends, and begins nothing more', async () => {
    queues = new Map([['c', ['c1', 'c2']]]);
    await wake('c');
    await runs.onModuleDestroy();
    await wake('c');
    await wake('d');
    expect(begun).toEqual(['c1']);
  });
});
