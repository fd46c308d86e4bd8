import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../common/concurrency/periodic-task.js';
import { Clock } from '../common/time/clock.js';
import { dayOf } from '../common/time/day-of.js';
import { SpendRepository } from '../persistence/spend/spend.repository.js';

const INTERVAL_MS = 6 * 60 * 60_000;
/** How long the spend of a removed container is kept by day and container. Longer than the months that budgets and reports begin with. */
export const KEPT_APART_MS = 90 * 24 * 60 * 60_000;
/** Of one statement, so that none holds locks for long. */
const BATCH = 2_000;

/** Adds up what removed containers have spent, which would grow without end. Every replica does; they skip each other's rows. */
@Injectable()
export class SpendFolding implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly task: PeriodicTask;

  constructor(
    private readonly spend: SpendRepository,
    private readonly clock: Clock,
    @InjectPinoLogger(SpendFolding.name) logger: PinoLogger,
  ) {
    this.task = new PeriodicTask(clock, (signal) => this.fold(signal), {
      intervalMs: INTERVAL_MS,
      immediate: true,
      onError: (error) => logger.warn({ err: error }, 'What removed containers have spent could not be added up'),
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.task.stop();
  }

  private async fold(signal: AbortSignal): Promise<void> {
    const before = dayOf(new Date(this.clock.now().getTime() - KEPT_APART_MS));
    while (!signal.aborted && (await this.spend.foldBefore(before, BATCH)) === BATCH);
  }
}
