import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../common/concurrency/periodic-task.js';
import { Clock } from '../common/time/clock.js';
import { RateLimitCountsRepository } from '../persistence/rate-limits/rate-limit-counts.repository.js';
import { RateLimiter } from './rate-limiter.js';

const INTERVAL_MS = 1_000;
const UNUSED_SECONDS = 3_600;
const SWEEP_MS = 600_000;

/** Tells the other processes every second what was taken here, and learns what was taken there. */
@Injectable()
export class RateLimitExchange implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly exchange: PeriodicTask;
  private readonly sweep: PeriodicTask;

  constructor(
    limiter: RateLimiter,
    counts: RateLimitCountsRepository,
    clock: Clock,
    @InjectPinoLogger(RateLimitExchange.name) logger: PinoLogger,
  ) {
    const onError = (error: unknown): void =>
      logger.debug({ err: error }, 'What counts against limits could not be exchanged');
    this.exchange = new PeriodicTask(clock, () => limiter.exchange((taken) => counts.add(taken)), {
      intervalMs: INTERVAL_MS,
      onError,
    });
    this.sweep = new PeriodicTask(clock, () => counts.removeUnused(UNUSED_SECONDS), { intervalMs: SWEEP_MS, onError });
  }

  onApplicationBootstrap(): void {
    this.exchange.start();
    this.sweep.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.exchange.stop(), this.sweep.stop()]);
  }
}
