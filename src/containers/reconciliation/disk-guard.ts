import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import { ContainerPower } from '../lifecycle/container-power.js';
import { DiskUsage } from '../../usage/disk-usage.js';

const INTERVAL_MS = 30_000;

/**
 * Enforces disk limits where the engine cannot: measures running containers periodically, and stops those above their
 * limit, with a reason.
 */
@Injectable()
export class DiskGuard implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly checks: PeriodicTask;

  constructor(
    private readonly containers: ContainersRepository,
    private readonly disk: DiskUsage,
    private readonly leases: ContainerLeases,
    private readonly power: ContainerPower,
    clock: Clock,
    @InjectPinoLogger(DiskGuard.name) private readonly logger: PinoLogger,
  ) {
    this.checks = new PeriodicTask(clock, () => this.check(), {
      intervalMs: INTERVAL_MS,
      onError: (error) => logger.warn({ err: error }, 'Disks could not be measured'),
    });
  }

  onApplicationBootstrap(): void {
    this.checks.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.checks.stop();
  }

  /** Measures every running container once. */
  async check(): Promise<void> {
    const running = (await this.containers.listAll()).filter(({ status }) => status === 'running');
    await Promise.all(running.map((row) => this.checkOne(row)));
  }

  private async checkOne(row: ContainerRow): Promise<void> {
    try {
      const usedMB = await this.disk.measure(row, this.checks.signal);
      if (usedMB > row.diskLimit) await this.stop(row, usedMB);
    } catch (error) {
      this.logger.debug({ err: error, containerId: row.id }, 'The disk of a container could not be measured');
    }
  }

  private async stop(row: ContainerRow, usedMB: number): Promise<void> {
    this.logger.warn({ containerId: row.id, usedMB, limitMB: row.diskLimit }, 'A container is over its disk limit');
    const reason = {
      code: 'disk_limit_exceeded',
      message: `The container used ${usedMB} MB of disk, its limit is ${row.diskLimit} MB.`,
    };
    await this.leases.tryWithLease(row.id, ({ lease }) => this.power.stopFor(row.id, reason, lease));
  }
}
