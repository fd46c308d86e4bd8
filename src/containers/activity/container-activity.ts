import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { Activity, ContainerStatus } from '../../persistence/types.js';
import { ContainerLifecycleService } from '../lifecycle/container-lifecycle.service.js';
import { isStoppedByItself } from './automatic-stop.js';

/** Activity that goes on is recorded so often: less than the shortest time without it after which a container is stopped. */
const RECORD_EVERY_MS = 30_000;

/** Records that containers are used, and starts those that were stopped because nobody did. */
@Injectable()
export class ContainerActivity implements OnApplicationBootstrap, OnModuleDestroy {
  /** When activity was last recorded, in ms, by id of the container. */
  private readonly recorded = new Map<string, number>();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly containers: ContainersRepository,
    private readonly lifecycle: ContainerLifecycleService,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(ContainerActivity.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.on('container.removed', ({ containerId }) => void this.recorded.delete(containerId));
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  /**
   * To be called before a container is used: it is not stopped for lack of activity from here on, and is started if it was.
   * @returns the container as it is now, which may not run for another reason
   * @throws what a start throws
   */
  async begin(row: ContainerRow, activity: Activity): Promise<ContainerRow> {
    const status = row.status === 'running' ? await this.record(row.id, activity) : row.status;
    if (status === 'running' || status === 'unchanged') return row;
    const present = (await this.containers.findById(row.id, [row.projectId])) ?? row;
    return isStoppedByItself(present) ? this.lifecycle.start(present) : present;
  }

  /** To be called while a container is used. */
  note(containerId: string, activity: Activity): void {
    void this.record(containerId, activity).catch(() => undefined);
  }

  /** To be called when an activity begins that takes time. @returns a function to call at its end */
  hold(containerId: string, activity: Activity): () => void {
    const again = setInterval(() => this.note(containerId, activity), RECORD_EVERY_MS).unref();
    return () => {
      clearInterval(again);
      this.note(containerId, activity);
    };
  }

  /** @returns the status of the container, or `unchanged` when activity was recorded a moment ago */
  private async record(id: string, activity: Activity): Promise<ContainerStatus | 'unchanged' | null> {
    const now = this.clock.now();
    const last = this.recorded.get(id);
    if (last !== undefined && now.getTime() - last < RECORD_EVERY_MS) return 'unchanged';
    this.recorded.set(id, now.getTime());
    try {
      return await this.containers.noteActivity(id, activity, now);
    } catch (error) {
      this.recorded.delete(id);
      this.logger.debug({ err: error, containerId: id }, 'Activity could not be recorded');
      throw error;
    }
  }
}
