import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { Clock } from '../common/time/clock.js';
import { DomainEvents } from '../events/domain-events.js';
import { ContainersRepository, type Lease } from '../persistence/containers/containers.repository.js';
import { Presence } from '../persistence/presence.js';
import { containerNotFound } from '../workspace/container-errors.js';
import { type HeldLease, LEASE_TTL_MS, LeaseHandle, LeaseKeeper } from './lease-keeper.js';
import { EVERYTHING } from '../persistence/everything.js';

const RETRY_MS = 100;

/** A lease on one container. */
export type HeldContainerLease = HeldLease<Lease>;

/** Serialises the work on one container, across processes. */
@Injectable()
export class ContainerLeases {
  private readonly keeper: LeaseKeeper<Lease>;

  constructor(
    private readonly containers: ContainersRepository,
    private readonly presence: Presence,
    events: DomainEvents,
    private readonly clock: Clock,
  ) {
    const store = {
      release: (lease: Lease) => containers.releaseLease(lease),
      leaseHolders: () => containers.leaseHolders(),
      releaseLeasesOf: (holder: string) => containers.releaseLeasesOf(holder),
    };
    this.keeper = new LeaseKeeper(store, presence, clock, events);
  }

  /**
   * Runs `work` while holding the container.
   * @param waitMs how long to wait for another holder
   * @throws DomainError `busy` when another holder keeps it that long, `container_not_found` when it was removed
   */
  async withLease<Result>(
    id: string,
    waitMs: number,
    work: (held: HeldContainerLease) => Promise<Result>,
  ): Promise<Result> {
    const lease = await this.acquire(id, waitMs);
    if (lease === null) {
      if ((await this.containers.findById(id, EVERYTHING)) === null) throw containerNotFound(id);
      throw new DomainError('busy', 'Another operation on this container is in progress; try again shortly.', {
        retryAfterSeconds: 1,
      });
    }
    return this.hold(lease, work);
  }

  /** As {@link withLease}, but resolves to undefined instead of waiting when another holder has the container. */
  async tryWithLease<Result>(
    id: string,
    work: (held: HeldContainerLease) => Promise<Result>,
  ): Promise<Result | undefined> {
    const lease = await this.acquire(id, 0);
    return lease === null ? undefined : this.hold(lease, work);
  }

  /** Frees the leases of processes that have ended. */
  releaseOfEndedProcesses(): Promise<void> {
    return this.keeper.releaseOfEndedProcesses();
  }

  private async acquire(id: string, waitMs: number): Promise<Lease | null> {
    const until = this.clock.now().getTime() + waitMs;
    for (;;) {
      const lease = await this.containers.acquireLease(id, this.presence.holder, LEASE_TTL_MS);
      if (lease !== null || this.clock.now().getTime() >= until) return lease;
      if ((await this.containers.findById(id, EVERYTHING)) === null) return null;
      await this.clock.sleep(RETRY_MS);
    }
  }

  private async hold<Result>(lease: Lease, work: (held: HeldContainerLease) => Promise<Result>): Promise<Result> {
    const handle = new LeaseHandle(lease, lease.containerId);
    let renewedAt = this.clock.now().getTime();
    const lose = (): void => {
      handle.markLost();
      void renewal.stop();
    };
    const renewal = this.keeper.renewal(
      async () => {
        // The event of a deletion in another process may be missed, so the row is read as well.
        const row = await this.containers.findById(lease.containerId, EVERYTHING);
        if (row?.status === 'deleting') handle.markLost();
        if (!(await this.containers.renewLease(lease, LEASE_TTL_MS))) return lose();
        renewedAt = this.clock.now().getTime();
      },
      () => {
        // While the database is unavailable, the lease stays valid until it expires.
        if (this.clock.now().getTime() - renewedAt > LEASE_TTL_MS) lose();
      },
    );
    renewal.start();
    return this.keeper.hold(handle, async (held) => {
      try {
        return await work(held);
      } finally {
        void renewal.stop();
      }
    });
  }
}
