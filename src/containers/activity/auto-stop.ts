import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import {
  type ContainerRow,
  ContainersRepository,
  type Lease,
} from '../../persistence/containers/containers.repository.js';
import { ContainerPower } from '../lifecycle/container-power.js';
import { EXPIRED, IDLE, WAITED } from './automatic-stop.js';
import type { StatusReason } from '../../persistence/types.js';
import { ContainerActivity } from './container-activity.js';
import { ContainerObservations } from './container-observations.js';

const INTERVAL_MS = 10_000;

/** Stops containers in which nothing has happened for as long as they allow, and those whose time is over. */
@Injectable()
export class AutoStop implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly checks: PeriodicTask;

  constructor(
    private readonly containers: ContainersRepository,
    private readonly observations: ContainerObservations,
    private readonly activity: ContainerActivity,
    private readonly leases: ContainerLeases,
    private readonly power: ContainerPower,
    clock: Clock,
    @InjectPinoLogger(AutoStop.name) private readonly logger: PinoLogger,
  ) {
    this.checks = new PeriodicTask(clock, () => this.check(), {
      intervalMs: INTERVAL_MS,
      onError: (error) => logger.warn({ err: error }, 'Idle containers could not be looked for'),
    });
  }

  onApplicationBootstrap(): void {
    this.checks.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.checks.stop();
  }

  async check(): Promise<void> {
    for (const row of await this.containers.listStoppingByThemselves()) {
      try {
        await this.checkOne(row);
      } catch (error) {
        this.logger.warn({ err: error, containerId: row.id }, 'An idle container could not be stopped');
      }
    }
  }

  private async checkOne(row: ContainerRow): Promise<void> {
    const verdict = await this.observations.judge(row);
    if (verdict.kind === 'active') return this.activity.note(row.id, verdict.activity);
    if (!['idle', 'waited', 'expired'].includes(verdict.kind)) return;
    await this.leases.tryWithLease(row.id, ({ lease }) => this.stop(row, lease));
  }

  /** The row may be out of date by now, and the last word is that of {@link ContainerPower.stopFor}. */
  private async stop({ id, projectId }: ContainerRow, lease: Lease): Promise<void> {
    const row = await this.containers.findById(id, [projectId]);
    if (row?.status !== 'running') return;
    const verdict = await this.observations.judge(row);
    if (verdict.kind === 'idle') {
      const message = `Nothing happened in it for ${row.idleStopMinutes} minutes; it starts again when it is used.`;
      await this.stopFor(id, { code: IDLE, message }, lease, verdict.since);
    } else if (verdict.kind === 'waited') {
      const message = `Its agent waited ${row.waitingStopMinutes} ${plural(row.waitingStopMinutes)} for a person; it starts again when it is used.`;
      await this.stopFor(id, { code: WAITED, message }, lease, verdict.since);
    } else if (verdict.kind === 'expired') {
      const message = `It ran for ${row.ttlMinutes} ${plural(row.ttlMinutes)}; it starts again when it is used.`;
      await this.stopFor(id, { code: EXPIRED, message }, lease);
    }
  }

  private async stopFor(containerId: string, reason: StatusReason, lease: Lease, quietSince?: Date): Promise<void> {
    const stopped = await this.power.stopFor(containerId, reason, lease, quietSince && { quietSince });
    if (stopped !== null) this.logger.info({ containerId, reason: reason.code }, 'A container was stopped');
  }
}

function plural(minutes: number | null): string {
  return minutes === 1 ? 'minute' : 'minutes';
}
