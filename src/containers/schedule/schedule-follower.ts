import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { DriverError } from '../../drivers/driver-error.js';
import { ContainerLeases, type HeldContainerLease } from '../../leases/container-leases.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { SCHEDULED } from '../activity/automatic-stop.js';
import { ContainerObservations } from '../activity/container-observations.js';
import { ContainerPower } from '../lifecycle/container-power.js';
import { ReprovisionService } from '../lifecycle/reprovision.service.js';
import { PROVISIONING } from '../lifecycle/state-table.js';
import { latestOf, nextOf } from './schedule-times.js';

const INTERVAL_MS = 5_000;

/**
 * Starts and stops containers as their schedules ask. Of what came while no DevForge ran, the latest counts. A time is settled
 * when it was followed: until then every process tries, one at a time.
 */
@Injectable()
export class ScheduleFollower implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly checks: PeriodicTask;

  constructor(
    private readonly containers: ContainersRepository,
    private readonly observations: ContainerObservations,
    private readonly leases: ContainerLeases,
    private readonly power: ContainerPower,
    private readonly reprovisioning: ReprovisionService,
    private readonly clock: Clock,
    @InjectPinoLogger(ScheduleFollower.name) private readonly logger: PinoLogger,
  ) {
    this.checks = new PeriodicTask(clock, () => this.check(), {
      intervalMs: INTERVAL_MS,
      immediate: true,
      onError: (error) => logger.warn({ err: error }, 'Schedules could not be followed'),
    });
  }

  onApplicationBootstrap(): void {
    this.checks.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.checks.stop();
  }

  async check(): Promise<void> {
    for (const row of await this.containers.listScheduled(this.clock.now())) {
      try {
        await this.checkOne(row);
      } catch (error) {
        this.logger.warn({ err: error, containerId: row.id }, 'The schedule of a container could not be followed');
      }
    }
  }

  private async checkOne({ id, projectId, schedule, scheduleNextAt, updatedAt }: ContainerRow): Promise<void> {
    if (schedule === null) return;
    if (scheduleNextAt === null) {
      await this.containers.settleSchedule(id, null, nextOf(schedule, updatedAt));
      return;
    }
    await this.leases.tryWithLease(id, async (held) => {
      // Another process may have followed it, or the schedule was changed.
      const row = await this.containers.findById(id, [projectId]);
      if (row?.schedule == null || row.scheduleNextAt?.getTime() !== scheduleNextAt.getTime()) return;
      const now = this.clock.now();
      if (!(await this.follow(row, held, now))) return;
      await this.containers.settleSchedule(id, scheduleNextAt, nextOf(row.schedule, now));
    });
  }

  /** @returns false when it cannot be done yet */
  private async follow(row: ContainerRow, held: HeldContainerLease, now: Date): Promise<boolean> {
    if (PROVISIONING.includes(row.status) || row.status === 'stopping') return false;
    const action = latestOf(row.schedule!, now);
    if (action === 'start' && row.status === 'stopped') return this.start(row, held);
    if (action !== 'stop' || row.status !== 'running') return true;
    if (await this.observations.isWorking(row)) return false;
    const message = 'Its schedule has stopped it; it starts again when it is used.';
    await this.power.stopFor(row.id, { code: SCHEDULED, message }, held.lease);
    this.logger.info({ containerId: row.id }, 'A container was stopped by its schedule');
    return true;
  }

  private async start(row: ContainerRow, held: HeldContainerLease): Promise<boolean> {
    try {
      if (row.workspaceReady) await this.power.start(row, held);
      else await this.reprovisioning.begin(row, held.lease);
      this.logger.info({ containerId: row.id }, 'A container was started by its schedule');
    } catch (error) {
      if (error instanceof DriverError && error.code === 'unavailable') return false;
      // Of a quota that is used up, or an engine that refuses it: the next time may be better.
      this.logger.warn({ err: error, containerId: row.id }, 'A container could not be started by its schedule');
    }
    return true;
  }
}
