import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { containerRow } from '../../test/support/rows.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainersRepository } from '../persistence/containers/containers.repository.js';
import type { Presence } from '../persistence/presence.js';
import { ContainerLeases, type HeldContainerLease } from './container-leases.js';

const RENEW_INTERVAL_MS = 5_000;
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
  async function hold(): Promise<{ held: HeldContainerLease; end: () => Promise<void> }> {
    let end = (): void => undefined;
    let working: Promise<void> = Promise.resolve();
    const held = await new Promise<HeldContainerLease>((onHeld) => {
      working = leases.withLease(ID, 0, (given) => {
        onHeld(given);
        return new Promise((resolve) => (end = resolve));
      });
    });
    return { held, end: async () => (end(), working) };
  }

  it('acquires a lease for the work and releases it afterwards', async () => {
    await expect(leases.withLease(ID, 0, async (held) => held.lease)).resolves.toEqual(lease);
    expect(repository.acquireLease).toHaveBeenCalledWith(ID, 'me', 15_000);
    expect(repository.releaseLease.mock.calls).toEqual([[lease]]);
  });

  it('releases the lease of failed work, and reports the failure of the work when that fails too', async () => {
    repository.releaseLease.mockRejectedValue(new Error('the database is unavailable'));
    await expect(leases.withLease(ID, 0, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(repository.releaseLease).toHaveBeenCalledTimes(1);
  });

  it('throws busy when another holder keeps the lease for the whole wait', async () => {
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

  it('acquires the lease when the other holder releases it in time', async () => {
    repository.acquireLease.mockResolvedValueOnce(null);
    const outcome = leases.withLease(ID, 300, async () => 'done');
    await settled();
    await clock.advance(100);
    await expect(outcome).resolves.toBe('done');
  });

  it('does not wait for another holder in tryWithLease', async () => {
    repository.acquireLease.mockResolvedValue(null);
    await expect(leases.tryWithLease(ID, async () => 'done')).resolves.toBeUndefined();
    expect(repository.acquireLease).toHaveBeenCalledTimes(1);
  });

  it('renews the lease until the work ends', async () => {
    const { held, end } = await hold();
    for (let renewals = 1; renewals <= 3; renewals++) {
      await clock.advance(RENEW_INTERVAL_MS);
      expect(repository.renewLease).toHaveBeenCalledTimes(renewals);
    }
    expect(held.signal.aborted).toBe(false);
    await end();
    await clock.advance(10 * RENEW_INTERVAL_MS);
    expect(repository.renewLease).toHaveBeenCalledTimes(3);
  });

  it('aborts the signal of the work when the lease is lost', async () => {
    const { held, end } = await hold();
    repository.renewLease.mockResolvedValue(false);
    await clock.advance(RENEW_INTERVAL_MS);
    expect(held.signal.aborted).toBe(true);
    await end();
  });

  it('aborts the signal of the work when a process deletes the container', async () => {
    const here = await hold();
    events.emit('container.deleting', { containerId: 'other' });
    await settled();
    expect(here.held.signal.aborted).toBe(false);
    events.emit('container.deleting', { containerId: ID });
    await settled();
    expect(here.held.signal.aborted).toBe(true);
    await here.end();

    const there = await hold();
    repository.findById.mockResolvedValue(containerRow({ id: ID, status: 'deleting' }));
    await clock.advance(RENEW_INTERVAL_MS);
    expect(there.held.signal.aborted).toBe(true);
    await there.end();
  });

  it('keeps the lease through a short outage of the database and loses it in a long one', async () => {
    const { held, end } = await hold();
    repository.renewLease
      .mockRejectedValueOnce(new Error('unavailable'))
      .mockRejectedValueOnce(new Error('unavailable'));
    await clock.advance(RENEW_INTERVAL_MS);
    await clock.advance(RENEW_INTERVAL_MS);
    await clock.advance(RENEW_INTERVAL_MS);
    expect(held.signal.aborted).toBe(false);
    repository.renewLease.mockRejectedValue(new Error('unavailable'));
    for (let renewals = 0; renewals < 4; renewals++) await clock.advance(RENEW_INTERVAL_MS);
    expect(held.signal.aborted).toBe(true);
    await end();
  });

  it('releases the leases of ended processes only', async () => {
    repository.leaseHolders.mockResolvedValue(['me', 'dead', 'alive']);
    await leases.releaseOfEndedProcesses();
    expect(repository.releaseLeasesOf.mock.calls).toEqual([['dead']]);
  });
});
