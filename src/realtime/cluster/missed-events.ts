import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
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
export class MissedEvents implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopped = new AbortController();
  private readonly seen = new Map<string, Seen>();
  /** Ids whose removal was told since the last look, and since the one before: events may come out of order. */
  private removed = { lately: new Set<string>(), before: new Set<string>() };
  private hasLooked = false;
  private unsubscribe: (() => void)[] = [];
  private looking: Promise<void> = Promise.resolve();
  private loop: Promise<void> | undefined;

  constructor(
    private readonly link: ClusterTransport,
    private readonly rows: ContainersRepository,
    private readonly replicas: ReplicatedEvents,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(MissedEvents.name) private readonly logger: PinoLogger,
  ) {}

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
    this.link.onRestored(() => void this.look());
    this.loop = this.repeat();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped.abort();
    for (const each of this.unsubscribe) each();
    await this.loop;
    await this.looking;
  }

  /** Compares the rows with what they were the last time. What was told already is told twice, which costs a look at the row. */
  look(): Promise<void> {
    this.looking = this.looking.then(async () => {
      if (this.stopped.signal.aborted) return;
      try {
        await this.compare();
      } catch (error) {
        this.logger.debug({ err: error }, 'The rows could not be looked at for what other replicas did');
      }
    });
    return this.looking;
  }

  private async repeat(): Promise<void> {
    do {
      await this.look();
      await this.clock.sleep(EVERY_MS, this.stopped.signal);
    } while (!this.stopped.signal.aborted);
  }

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
      if (isNew && this.hasLooked) this.replicas.announce('container.changed', { containerId: id, ownerId });
    }
    for (const [containerId, { ownerId }] of before) {
      if (!present.has(containerId) && !this.isRemoved(containerId))
        this.replicas.announce('container.removed', { containerId, ownerId, at: this.clock.now() });
    }
    this.hasLooked = true;
  }

  private isRemoved(id: string): boolean {
    return this.removed.lately.has(id) || this.removed.before.has(id);
  }
}
