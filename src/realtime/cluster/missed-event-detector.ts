import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { ReplicatedEvents } from './replicated-events.js';
import { ClusterTransport } from './cluster-transport.js';

const INTERVAL_MS = 15_000;

interface KnownContainer {
  projectId: string;
  /** Milliseconds since the epoch; undefined while the container is only known from an event. */
  updatedAt: number | undefined;
}

/**
 * Compares the containers in the database with the last comparison, and emits the events that no replica has sent: because
 * it died between the write and the event, or because the transport was down. Runs every 15 seconds and on each connect.
 */
@Injectable()
export class MissedEventDetector implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly known = new Map<string, KnownContainer>();
  /** Ids removed since the last comparison, and between the two before: events may arrive out of order. */
  private removed = { recent: new Set<string>(), previous: new Set<string>() };
  private hasCompared = false;
  private unsubscribe: (() => void)[] = [];
  private readonly comparison: PeriodicTask;

  constructor(
    private readonly transport: ClusterTransport,
    private readonly rows: ContainersRepository,
    private readonly replicatedEvents: ReplicatedEvents,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(MissedEventDetector.name) logger: PinoLogger,
  ) {
    this.comparison = new PeriodicTask(clock, () => this.compare(), {
      intervalMs: INTERVAL_MS,
      immediate: true,
      onError: (error) => logger.debug({ err: error }, 'The rows could not be checked for missed events'),
    });
  }

  onApplicationBootstrap(): void {
    if (this.transport.adapter === undefined) return;
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId, projectId }) => {
        if (!this.known.has(containerId) && !this.isRemoved(containerId))
          this.known.set(containerId, { projectId, updatedAt: undefined });
      }),
      this.events.on('container.removed', ({ containerId }) => {
        this.known.delete(containerId);
        this.removed.recent.add(containerId);
      }),
    ];
    this.transport.onConnected(() => this.comparison.trigger());
    this.comparison.start();
  }

  async onModuleDestroy(): Promise<void> {
    for (const each of this.unsubscribe) each();
    await this.comparison.stop();
  }

  /** An event that was received already is emitted again, which costs its listeners a read. */
  private async compare(): Promise<void> {
    this.removed = { recent: new Set(), previous: this.removed.recent };
    // A container created while the rows are read may be missing from them.
    const before = new Map(this.known);
    const rows = (await this.rows.listAll()).filter(({ id }) => !this.isRemoved(id));
    const present = new Set(rows.map(({ id }) => id));
    for (const { id, projectId, updatedAt } of rows) {
      const isNew = before.get(id)?.updatedAt !== updatedAt.getTime();
      this.known.set(id, { projectId, updatedAt: updatedAt.getTime() });
      // At the start every listener reads the rows itself.
      if (isNew && this.hasCompared)
        this.replicatedEvents.emitLocally('container.changed', { containerId: id, projectId });
    }
    for (const [containerId, { projectId }] of before) {
      if (!present.has(containerId) && !this.isRemoved(containerId))
        this.replicatedEvents.emitLocally('container.removed', { containerId, projectId, at: this.clock.now() });
    }
    this.hasCompared = true;
  }

  private isRemoved(id: string): boolean {
    return this.removed.recent.has(id) || this.removed.previous.has(id);
  }
}
