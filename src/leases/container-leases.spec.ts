import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { containerRow } from '../../test/support/rows.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainersRepository } from '../persistence/containers/containers.repository.js';
import type { Presence } from '../persistence/presence.js';
import { ContainerLeases, type HeldLease } from './container-leases.js';

const RENEW_EVERY_MS = 5_000;
const ID = 'c';
const lease = { containerId: ID, holder: 'me', fence: 1 };

describe('ContainerLeases', () => {
  const repository = {
    acquireLease: jest.fn<ContainersRepository['acquireLease']>(),
    renewLease: jest.fn<ContainersRepository['renewLease']>(),
    releaseLease: jest.fn<ContainersRepository['releaseLease']>(),
    findById: jest.fn<ContainersRepository['findById']>(),
    leaseHolders: jest.fn<ContainersRepository['leaseHolders']>(),
    releaseLeasesOf: jest.fn<ContainersRepository['releaseLeasesOf']>(),
  };
  const presence = { holder: 'me', hasEnded: async (holder: string) => holder === 'dead' };
  let clock: FakeClock;
  let events: DomainEvents;
  let leases: ContainerLeases;

  beforeEach(() => {
    repository.acquireLease.mockReset().mockResolvedValue(lease);
    repository.renewLease.mockReset().mockResolvedValue(true);
    repository.releaseLease.mockReset().mockResolvedValue();
    repository.findById.mockReset().mockResolvedValue(containerRow({ id: ID }));
    repository.releaseLeasesOf.mockReset().mockResolvedValue();
    clock = new FakeClock();
    events = new DomainEvents(quietLogger());
    leases = new ContainerLeases(repository as unknown as ContainersRepository, presence as Presence, events, clock);
  });

  /** Holds the lease until `end` is called. */
  async function holding(): Promise<{ held: HeldLease; end: () => Promise<void> }> {
    let end = (): void => undefined;
    let working: Promise<void> = Promise.resolve();
    const held = await new Promise<HeldLease>((begun) => {
      working = leases.withLease(ID, 0, (given) => {
        begun(given);
        return new Promise((resolve) => (end = resolve));
      });
    });
    return { held, end: async () => (end(), working) };
  }

  it('runs the work under the lease, and lets go of it', async () => {
    await expect(leases.withLease(ID, 0, async (held) => held.lease)).resolves.toEqual(lease);
    expect(repository.acquireLease).toHaveBeenCalledWith(ID, 'me', 15_000);
    expect(repository.releaseLease.mock.calls).toEqual([[lease]]);
  });

  it('lets go of it when the work fails, and a failure to let go hides nothing', async () => {
    repository.releaseLease.mockRejectedValue(new Error('the database is away'));
    await expect(leases.withLease(ID, 0, () => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    expect(repository.releaseLease).toHaveBeenCalledTimes(1);
  });

  it('waits for another holder as long as it was told, and says busy then', async () => {
    repository.acquireLease.mockResolvedValue(null);
    const work = jest.fn(async () => undefined);
    const outcome = leases.withLease(ID, 300, work).catch((error: unknown) => error);
    for (let elapsed = 0; elapsed <= 300; elapsed += 100) {
      await settled();
      await clock.advance(100);
    }
    await expect(outcome).resolves.toMatchObject({ code: 'busy' });
    expect(work).not.toHaveBeenCalled();
    expect(repository.acquireLease).toHaveBeenCalledTimes(4);
  });

  it('gets the lease when the other holder lets go in time', async () => {
    repository.acquireLease.mockResolvedValueOnce(null);
    const outcome = leases.withLease(ID, 300, async () => 'done');
    await settled();
    await clock.advance(100);
    await expect(outcome).resolves.toBe('done');
  });

  it('does not wait when it is only to try', async () => {
    repository.acquireLease.mockResolvedValue(null);
    await expect(leases.tryWithLease(ID, async () => 'done')).resolves.toBeUndefined();
    expect(repository.acquireLease).toHaveBeenCalledTimes(1);
  });

  it('renews the lease for as long as the work takes, and no longer', async () => {
    const { held, end } = await holding();
    for (let renewals = 1; renewals <= 3; renewals++) {
      await clock.advance(RENEW_EVERY_MS);
      expect(repository.renewLease).toHaveBeenCalledTimes(renewals);
    }
    expect(held.signal.aborted).toBe(false);
    await end();
    await clock.advance(10 * RENEW_EVERY_MS);
    expect(repository.renewLease).toHaveBeenCalledTimes(3);
  });

  it('tells the work when the lease is lost', async () => {
    const { held, end } = await holding();
    repository.renewLease.mockResolvedValue(false);
    await clock.advance(RENEW_EVERY_MS);
    expect(held.signal.aborted).toBe(true);
    await end();
  });

  it('tells the work when its container is being deleted, here or in another process', async () => {
    const here = await holding();
    events.emit('container.deleting', { containerId: 'other' });
    await settled();
    expect(here.held.signal.aborted).toBe(false);
    events.emit('container.deleting', { containerId: ID });
    await settled();
    expect(here.held.signal.aborted).toBe(true);
    await here.end();

    const there = await holding();
    repository.findById.mockResolvedValue(containerRow({ id: ID, status: 'deleting' }));
    await clock.advance(RENEW_EVERY_MS);
    expect(there.held.signal.aborted).toBe(true);
    await there.end();
  });

  it('goes on while the database is away for a moment, and not when it stays away', async () => {
    const { held, end } = await holding();
    repository.renewLease.mockRejectedValueOnce(new Error('away')).mockRejectedValueOnce(new Error('away'));
    await clock.advance(RENEW_EVERY_MS);
    await clock.advance(RENEW_EVERY_MS);
    await clock.advance(RENEW_EVERY_MS);
    expect(held.signal.aborted).toBe(false);
    repository.renewLease.mockRejectedValue(new Error('away'));
    for (let turn = 0; turn < 4; turn++) await clock.advance(RENEW_EVERY_MS);
    expect(held.signal.aborted).toBe(true);
    await end();
  });

  it('frees the leases of processes that ended, and of no other', async () => {
    repository.leaseHolders.mockResolvedValue(['me', 'dead', 'alive']);
    await leases.releaseOfEndedProcesses();
    expect(repository.releaseLeasesOf.mock.calls).toEqual([['dead']]);
  });
});
