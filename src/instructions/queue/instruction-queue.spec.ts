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
import { LEASE_TTL_MS } from '../../leases/lease-keeper.js';
import { InstructionLeases } from './instruction-leases.js';
import type { InstructionWorker } from './instruction-worker.js';
import { InstructionQueue } from './instruction-queue.js';

const SWEEP_INTERVAL_MS = 2_000;

describe('InstructionQueue', () => {
  /** Ids of the queued instructions of each container. */
  let queues: Map<string, string[]>;
  let startable: Set<string>;
  let started: string[];
  let ends: Map<string, () => void>;
  const releaseLeasesOf = jest.fn<InstructionsRepository['releaseLeasesOf']>();
  const claimable = jest.fn<InstructionsRepository['claimable']>();
  const claim = jest.fn<InstructionsRepository['claim']>();
  let holders: string[];
  let clock: FakeClock;
  let events: DomainEvents;
  let queue: InstructionQueue;

  beforeEach(() => {
    queues = new Map();
    startable = new Set(['c', 'd']);
    [started, ends, holders] = [[], new Map(), []];
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
      hasUnfinished: async (id: string) => (queues.get(id)?.length ?? 0) > 0,
      leaseHolders: async () => holders,
      releaseLeasesOf,
      release: async () => undefined,
      renew: async () => [],
    } as unknown as InstructionsRepository;
    const worker = {
      runToEnd: ({ id }, held) => {
        started.push(id);
        return new Promise<void>((resolve) => {
          ends.set(id, resolve);
          held.signal.addEventListener('abort', () => resolve());
        });
      },
    } as InstructionWorker;
    clock = new FakeClock();
    events = new DomainEvents(quietLogger());
    const presence = { holder: 'me', hasEnded: async (holder: string) => holder === 'dead' } as Presence;
    const leases = new InstructionLeases(repository, presence, events, clock, quietLogger());
    queue = new InstructionQueue(repository, worker, leases, events, clock, quietLogger());
    queue.onApplicationBootstrap();
  });
  afterEach(() => queue.onModuleDestroy());

  const wake = async (containerId: string): Promise<void> => {
    queue.wake(containerId);
    await settled();
  };
  const end = async (id: string): Promise<void> => {
    ends.get(id)!();
    await settled();
  };

  it('runs instructions of one container in order and those of several containers in parallel', async () => {
    queues = new Map([
      ['c', ['c1', 'c2']],
      ['d', ['d1']],
    ]);
    await wake('c');
    await wake('d');
    expect(started).toEqual(['c1', 'd1']);
    expect(claim.mock.calls[0]).toEqual(['c', 'me', LEASE_TTL_MS]);
    await end('c1');
    expect(started).toEqual(['c1', 'd1', 'c2']);
    await end('c2');
    await end('d1');
    expect(started).toHaveLength(3);
  });

  it('runs an instruction that was accepted during another one', async () => {
    queues.set('c', ['c1']);
    await wake('c');
    queues.set('c', ['c2']);
    await wake('c');
    expect(started).toEqual(['c1']);
    await end('c1');
    expect(started).toEqual(['c1', 'c2']);
  });

  it('claims a waiting instruction when its container changes, and no other container changes cause a claim', async () => {
    startable.clear();
    queues.set('c', ['c1']);
    await wake('c');
    startable.add('c');
    claim.mockClear();
    events.emit('container.changed', { containerId: 'd', projectId: 'p' });
    await settled();
    expect(claim).not.toHaveBeenCalled();
    events.emit('container.changed', { containerId: 'c', projectId: 'p' });
    await settled();
    expect(started).toEqual(['c1']);
    await end('c1');
    claim.mockClear();
    events.emit('container.changed', { containerId: 'c', projectId: 'p' });
    await settled();
    expect(claim).not.toHaveBeenCalled();
  });

  it('sweeps for claimable instructions at startup and every two seconds', async () => {
    queues = new Map([
      ['c', ['c1']],
      ['d', ['d1']],
    ]);
    await settled();
    claimable.mockResolvedValue(['c', 'd']);
    await clock.advance(SWEEP_INTERVAL_MS);
    expect(started).toEqual(['c1', 'd1']);
    expect(claimable).toHaveBeenCalledTimes(2);
  });

  it('releases the leases of ended processes only', async () => {
    holders = ['me', 'dead', 'alive'];
    await clock.advance(SWEEP_INTERVAL_MS);
    expect(releaseLeasesOf.mock.calls).toEqual([['dead']]);
  });

  it('continues after the database was unavailable', async () => {
    queues.set('c', ['c1']);
    claim.mockRejectedValueOnce(new Error('unavailable'));
    await wake('c');
    claimable.mockRejectedValueOnce(new Error('unavailable'));
    await clock.advance(SWEEP_INTERVAL_MS);
    claimable.mockResolvedValue(['c']);
    await clock.advance(SWEEP_INTERVAL_MS);
    expect(started).toEqual(['c1']);
  });

  it('stops following at shutdown and starts no further instruction', async () => {
    queues = new Map([['c', ['c1', 'c2']]]);
    await wake('c');
    await queue.onModuleDestroy();
    await wake('c');
    await wake('d');
    expect(started).toEqual(['c1']);
  });
});
