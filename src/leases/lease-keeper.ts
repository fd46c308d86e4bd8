import { PeriodicTask } from '../common/concurrency/periodic-task.js';
import type { Clock } from '../common/time/clock.js';
import type { DomainEvents } from '../events/domain-events.js';
import type { Presence } from '../persistence/presence.js';

/** Two renewals in a row may fail before a lease expires. */
export const LEASE_TTL_MS = 15_000;
export const RENEW_INTERVAL_MS = 5_000;

/** What the database keeps of leases of one kind. */
export interface LeaseStore<Lease> {
  release(lease: Lease): Promise<void>;
  /** Names of all processes that hold a lease. */
  leaseHolders(): Promise<string[]>;
  releaseLeasesOf(holder: string): Promise<void>;
}

/** A lease as the work under it sees it. */
export interface HeldLease<Lease> {
  readonly lease: Lease;
  /** Aborts when the lease is lost or the container is being deleted. */
  readonly signal: AbortSignal;
}

/** A lease that this process holds on a container or on something in it. */
export class LeaseHandle<Lease> implements HeldLease<Lease> {
  private readonly lost = new AbortController();
  readonly signal: AbortSignal;

  /** @param stop aborts {@link signal} as well */
  constructor(
    readonly lease: Lease,
    readonly containerId: string,
    stop?: AbortSignal,
  ) {
    this.signal = stop === undefined ? this.lost.signal : AbortSignal.any([this.lost.signal, stop]);
  }

  markLost(): void {
    this.lost.abort();
  }
}

/** The leases of one kind that this process holds, from the start to the end of the work under each of them. */
export class LeaseKeeper<Lease, Handle extends LeaseHandle<Lease> = LeaseHandle<Lease>> {
  private readonly handles = new Set<Handle>();

  constructor(
    private readonly store: LeaseStore<Lease>,
    private readonly presence: Presence,
    private readonly clock: Clock,
    events: DomainEvents,
  ) {
    events.on('container.deleting', ({ containerId }) => {
      for (const handle of this.handles) if (handle.containerId === containerId) handle.markLost();
    });
  }

  /** Every lease that is held at this moment. */
  held(): Handle[] {
    return [...this.handles];
  }

  /** Runs `work` under a lease that was acquired, and releases the lease afterwards. */
  async hold<Result>(handle: Handle, work: (handle: Handle) => Promise<Result>): Promise<Result> {
    this.handles.add(handle);
    try {
      return await work(handle);
    } finally {
      this.handles.delete(handle);
      // A lease that cannot be released expires.
      await this.store.release(handle.lease).catch(() => undefined);
    }
  }

  /** @returns a task that renews leases at the usual interval from its start on */
  renewal(renew: () => Promise<void>, onError: (error: unknown) => void): PeriodicTask {
    return new PeriodicTask(this.clock, renew, { intervalMs: RENEW_INTERVAL_MS, onError });
  }

  /** Frees the leases of processes that have ended. */
  async releaseOfEndedProcesses(): Promise<void> {
    for (const holder of await this.store.leaseHolders()) {
      if (await this.presence.hasEnded(holder)) await this.store.releaseLeasesOf(holder);
    }
  }
}
