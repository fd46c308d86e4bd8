import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { ReplicatedEvents } from './replicated-events.js';
import { ClusterTransport } from './cluster-transport.js';

const EVERY_MS = 15_000;

interface Seen {
  ownerId: string;
  /** Milliseconds of the epoch; undefined for one that was only heard of. */
  updatedAt: number | undefined;
}

/**
 * Finds out from the rows what no other replica told, since it died between the write and the word, or the link was down:
 * at a slow pace, and each time the link is up again.
 */
@Injectable()
export class MissedEventDetector implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly seen = new Map<string, Seen>();
  /** Ids whose removal was told since the last look, and since the one before: events may come out of order. */
  private removed = { lately: new Set<string>(), before: new Set<string>() };
  private hasLooked = false;
  private unsubscribe: (() => void)[] = [];
  private readonly comparison: PeriodicTask;

  constructor(
    private readonly link: ClusterTransport,
    private readonly rows: ContainersRepository,
    private readonly replicas: ReplicatedEvents,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(MissedEventDetector.name) logger: PinoLogger,
  ) {
    this.comparison = new PeriodicTask(clock, () => this.compare(), {
      intervalMs: EVERY_MS,
      immediate: true,
      onError: (error) => logger.debug({ err: error }, 'The rows could not be compared with what was known of them'),
    });
  }

  onApplicationBootstrap(): void {
    if (this.link.adapter === undefined) return;
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId, ownerId }) => {
        if (!this.seen.has(containerId) && !this.isRemoved(containerId))
          this.seen.set(containerId, { ownerId, updatedAt: undefined });
      }),
      this.events.on('container.removed', ({ containerId }) => {
        this.seen.delete(containerId);
        this.removed.lately.add(containerId);
      }),
    ];
    this.link.onConnected(() => this.comparison.trigger());
    this.comparison.start();
  }

  async onModuleDestroy(): Promise<void> {
    for (const each of this.unsubscribe) each();
    await this.comparison.stop();
  }

  /** Compares the rows with those of the last time. An event that was received already is announced twice, which costs a read. */
  private async compare(): Promise<void> {
    this.removed = { lately: new Set(), before: this.removed.lately };
    // What is heard of while the rows are read may not be among them yet.
    const before = new Map(this.seen);
    const rows = (await this.rows.listAll()).filter(({ id }) => !this.isRemoved(id));
    const present = new Set(rows.map(({ id }) => id));
    for (const { id, ownerId, updatedAt } of rows) {
      const isNew = before.get(id)?.updatedAt !== updatedAt.getTime();
      this.seen.set(id, { ownerId, updatedAt: updatedAt.getTime() });
      // Who starts has read the rows just now.
      if (isNew && this.hasLooked) this.replicas.emitLocally('container.changed', { containerId: id, ownerId });
    }
    for (const [containerId, { ownerId }] of before) {
      if (!present.has(containerId) && !this.isRemoved(containerId))
        this.replicas.emitLocally('container.removed', { containerId, ownerId, at: this.clock.now() });
    }
    this.hasLooked = true;
  }

  private isRemoved(id: string): boolean {
    return this.removed.lately.has(id) || this.removed.before.has(id);
  }
}
