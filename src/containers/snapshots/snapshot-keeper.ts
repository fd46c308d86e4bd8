import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { type SnapshotRow, SnapshotsRepository } from '../../persistence/snapshots/snapshots.repository.js';
import { SnapshotStore } from './snapshot-store.js';

const INTERVAL_MS = 20_000;

/** Removes snapshots that nobody needs: of copies that are made, of processes that died while they made one, half removed ones. */
@Injectable()
export class SnapshotKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly task: PeriodicTask;

  constructor(
    private readonly snapshots: SnapshotsRepository,
    private readonly store: SnapshotStore,
    private readonly driver: WorkspaceDriver,
    clock: Clock,
    @InjectPinoLogger(SnapshotKeeper.name) private readonly logger: PinoLogger,
  ) {
    this.task = new PeriodicTask(clock, () => this.keep(), {
      intervalMs: INTERVAL_MS,
      immediate: true,
      onError: (error) => logger.warn({ err: error }, 'Snapshots could not be looked for'),
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.task.stop();
  }

  async keep(): Promise<void> {
    for (const row of await this.snapshots.listUnsettled()) {
      try {
        await this.settle(row);
      } catch (error) {
        this.logger.warn({ err: error, snapshotId: row.id }, 'A snapshot could not be removed');
      }
    }
  }

  private async settle(row: SnapshotRow): Promise<void> {
    if (row.state === 'ending') return this.store.remove(row.id);
    // The one that makes it gives it up by itself.
    const isOwn = row.state === 'making' && row.holder === this.store.holder;
    if (isOwn || !(await this.store.isAbandoned(row))) return;
    if (row.state === 'making') await this.unpause(row.containerId);
    await this.store.discard(row.id);
  }

  /** The container of a snapshot may stand still since the process died that made it. */
  private async unpause(containerId: string): Promise<void> {
    const workspace = await this.driver.observe(containerId);
    if (workspace?.state === 'paused') await this.driver.unpause(workspace);
  }
}
