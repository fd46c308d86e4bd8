import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import type { EgressDenial } from '../../drivers/workspace-egress.js';
import { EgressCounters } from '../../egress/egress-counters.js';
import { DomainEvents } from '../../events/domain-events.js';
import { EgressDenialsRepository } from '../../persistence/egress/egress-denials.repository.js';

/** Of each container. */
const MAX_STORED = 1_000;
const MAX_BATCH = 200;
/** What waits for the database; denials beyond it are lost, and their numbers show it. */
const MAX_WAITING = 10_000;
const RETENTION_MS = 30 * 24 * 60 * 60_000;
const RETENTION_INTERVAL_MS = 60 * 60_000;
const MAX_HOST_LENGTH = 255;

/** Stores refused connections in batches, and tells of those that no other process has stored. */
@Injectable()
export class DenialStore implements OnApplicationBootstrap, OnModuleDestroy {
  private waiting: EgressDenial[] = [];
  private flushing: Promise<void> | undefined;
  private readonly retention: PeriodicTask;

  constructor(
    private readonly denials: EgressDenialsRepository,
    private readonly counters: EgressCounters,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(DenialStore.name) private readonly logger: PinoLogger,
  ) {
    this.retention = new PeriodicTask(clock, (signal) => this.removeOld(signal), {
      intervalMs: RETENTION_INTERVAL_MS,
      onError: (error) => logger.warn({ err: error }, 'Old refused connections could not be deleted'),
    });
  }

  onApplicationBootstrap(): void {
    this.retention.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.retention.stop();
  }

  lastOfEach(): Promise<Map<string, number>> {
    return this.denials.lastOfEach();
  }

  add(denial: EgressDenial): void {
    if (this.waiting.length < MAX_WAITING) this.waiting.push(denial);
    this.flushing ??= this.flush().finally(() => (this.flushing = undefined));
  }

  async flushed(): Promise<void> {
    await this.flushing;
  }

  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, MAX_BATCH);
      try {
        await this.store(batch);
      } catch (error) {
        // The watch reports them again when it is opened anew.
        this.logger.warn({ err: error }, 'Refused connections could not be stored');
      }
    }
  }

  private async store(batch: EgressDenial[]): Promise<void> {
    const rows = batch.map(({ id, seq, at, host, port, reason, attempts }) => ({
      containerId: id,
      seq,
      at,
      host: host.slice(0, MAX_HOST_LENGTH).toWellFormed().replaceAll('\0', '\uFFFD'),
      port,
      reason,
      attempts,
    }));
    const stored = await this.denials.insert(rows, MAX_STORED);
    for (const { containerId, projectId, seq, reason, attempts } of stored) {
      this.counters.count(reason, attempts);
      this.events.emit('egress.denied', { containerId, projectId, seq });
    }
  }

  private async removeOld(signal: AbortSignal): Promise<void> {
    const before = new Date(this.clock.now().getTime() - RETENTION_MS);
    while (!signal.aborted && (await this.denials.removeBefore(before, MAX_STORED)) === MAX_STORED);
  }
}
