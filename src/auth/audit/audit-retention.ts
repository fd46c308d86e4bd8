import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { Settings } from '../../config/settings.js';
import { AuditEventsRepository } from '../../persistence/audit/audit-events.repository.js';

const INTERVAL_MS = 60 * 60_000;
/** Of one statement, so that none holds locks for long. */
const BATCH = 5_000;

/** Deletes audit events that are older than they are kept for. Every replica does; they skip each other's rows. */
@Injectable()
export class AuditRetention implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly task: PeriodicTask;

  constructor(
    private readonly events: AuditEventsRepository,
    private readonly clock: Clock,
    private readonly settings: Settings,
    @InjectPinoLogger(AuditRetention.name) logger: PinoLogger,
  ) {
    this.task = new PeriodicTask(clock, (signal) => this.removeOld(signal), {
      intervalMs: INTERVAL_MS,
      immediate: true,
      onError: (error) => logger.warn({ err: error }, 'Old audit events could not be deleted'),
    });
  }

  onApplicationBootstrap(): void {
    if (this.settings.auditRetentionMs !== null) this.task.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.task.stop();
  }

  private async removeOld(signal: AbortSignal): Promise<void> {
    const before = new Date(this.clock.now().getTime() - this.settings.auditRetentionMs!);
    while (!signal.aborted && (await this.events.removeBefore(before, BATCH)) === BATCH);
  }
}
