import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { Clock } from '../common/time/clock.js';
import { DomainEvents } from '../events/domain-events.js';
import { ContainersRepository, type Lease } from '../persistence/containers/containers.repository.js';
import { Presence } from '../persistence/presence.js';
import { containerNotFound } from '../workspace/container-errors.js';

const TTL_MS = 15_000;
const RENEW_EVERY_MS = 5_000;
const RETRY_MS = 100;

export interface HeldLease {
  lease: Lease;
  /** Aborts when the lease is lost or the container is being deleted. */
  signal: AbortSignal;
}

/** Serialises the work on one container, across processes. */
@Injectable()
export class ContainerLeases {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly presence: Presence,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {}

  /**
   * Runs `work` while holding the container.
   * @param waitMs how long to wait for another holder
   * @throws DomainError `busy` when another holder keeps it that long, `container_not_found` when it is removed meanwhile
   */
  async withLease<Result>(id: string, waitMs: number, work: (held: HeldLease) => Promise<Result>): Promise<Result> {
    const lease = await this.acquire(id, waitMs);
    if (lease === null) {
      if ((await this.containers.findById(id)) === null) throw containerNotFound(id);
      throw new DomainError('busy', 'Another operation on this container is under way; try again shortly.', {
        retryAfterSeconds: 1,
      });
    }
    return this.hold(lease, work);
  }

  /** As {@link withLease}, answering undefined instead of waiting. */
  async tryWithLease<Result>(id: string, work: (held: HeldLease) => Promise<Result>): Promise<Result | undefined> {
    const lease = await this.acquire(id, 0);
    return lease === null ? undefined : this.hold(lease, work);
  }

  /** Frees the leases of processes that have ended. */
  async releaseOfEndedProcesses(): Promise<void> {
    for (const holder of await this.containers.leaseHolders()) {
      if (await this.presence.hasEnded(holder)) await this.containers.releaseLeasesOf(holder);
    }
  }

  private async acquire(id: string, waitMs: number): Promise<Lease | null> {
    const until = this.clock.now().getTime() + waitMs;
    for (;;) {
      const lease = await this.containers.acquireLease(id, this.presence.holder, TTL_MS);
      if (lease !== null || this.clock.now().getTime() >= until) return lease;
      if ((await this.containers.findById(id)) === null) return null;
      await this.clock.sleep(RETRY_MS);
    }
  }

  private async hold<Result>(lease: Lease, work: (held: HeldLease) => Promise<Result>): Promise<Result> {
    const lost = new AbortController();
    const done = new AbortController();
    const unsubscribe = this.events.on('container.deleting', ({ containerId }) => {
      if (containerId === lease.containerId) lost.abort();
    });
    void this.renewUntil(lease, done.signal, () => lost.abort());
    try {
      return await work({ lease, signal: lost.signal });
    } finally {
      done.abort();
      unsubscribe();
      await this.containers.releaseLease(lease).catch(() => undefined);
    }
  }

  private async renewUntil(lease: Lease, done: AbortSignal, onLost: () => void): Promise<void> {
    let renewedAt = this.clock.now().getTime();
    for (;;) {
      await this.clock.sleep(RENEW_EVERY_MS, done);
      if (done.aborted) return;
      try {
        const row = await this.containers.findById(lease.containerId);
        if (row?.status === 'deleting') onLost();
        if (!(await this.containers.renewLease(lease, TTL_MS))) return onLost();
        renewedAt = this.clock.now().getTime();
      } catch {
        // The database is away: the lease holds until it expires, and no longer.
        if (this.clock.now().getTime() - renewedAt > TTL_MS) return onLost();
      }
    }
  }
}
