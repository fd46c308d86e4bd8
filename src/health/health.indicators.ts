import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { statfs } from 'node:fs/promises';
import { safeMessageOf } from '../common/errors/error-report.js';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { Database } from '../persistence/database.js';
import { ProvisioningQueue } from '../queues/provisioning-queue.js';
import { Settings } from '../config/settings.js';
import { engineCalls } from '../drivers/engine-calls.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';

/** A Kubernetes probe times out after one second by default; a check that cannot fail it must not use up that time. */
const MAX_DEGRADED_MS = 500;

/** Less than this on the disk of the embedded database is no space at all: it stops when it cannot write its log. */
const MIN_FREE_BYTES = 64 * 1024 * 1024;
/** How long the engine's last report of a full disk counts. */
const ENGINE_OUT_OF_DISK_MS = 60_000;

/** Checks the services that DevForge depends on. */
@Injectable()
export class HealthIndicators implements OnModuleInit, OnModuleDestroy {
  private engineOutOfDiskAt: number | undefined;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly driver: WorkspaceDriver,
    private readonly database: Database,
    private readonly queue: ProvisioningQueue,
    private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.unsubscribe = engineCalls.subscribe(({ outcome }) => {
      if (outcome === 'out_of_disk') this.engineOutOfDiskAt = performance.now();
    });
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  docker(whenUnavailable: 'down' | 'degraded' = 'down'): Promise<HealthIndicatorResult> {
    return this.ask('docker', () => this.pingEngine(), whenUnavailable);
  }

  databaseAnswers(): Promise<HealthIndicatorResult> {
    return this.ask('database', () => this.database.ping(), 'down');
  }

  /** Also whether it can write. */
  databaseWorks(): Promise<HealthIndicatorResult> {
    return this.ask(
      'database',
      async () => {
        await this.database.ping();
        if (this.database.isOutOfDisk || (await this.isDataDirFull())) throw new Error('no space left on its disk');
      },
      'down',
    );
  }

  queueAnswers(whenUnavailable: 'down' | 'degraded' = 'down'): Promise<HealthIndicatorResult> {
    return this.ask('queue', () => this.queue.ping(), whenUnavailable);
  }

  private async pingEngine(): Promise<void> {
    await this.driver.ping();
    const at = this.engineOutOfDiskAt;
    if (at !== undefined && performance.now() - at < ENGINE_OUT_OF_DISK_MS)
      throw new Error('no space left on its disk');
  }

  private async isDataDirFull(): Promise<boolean> {
    if (this.settings.databaseUrl !== undefined) return false;
    const { bavail, bsize } = await statfs(this.settings.dataDir);
    return bavail * bsize < MIN_FREE_BYTES;
  }

  private async ask(
    key: string,
    ping: () => Promise<void>,
    whenUnavailable: 'down' | 'degraded',
  ): Promise<HealthIndicatorResult> {
    const session = this.indicator.check(key);
    try {
      await (whenUnavailable === 'down' ? ping() : withTimeout(ping(), MAX_DEGRADED_MS));
      return session.up();
    } catch (error) {
      const message = safeMessageOf(error);
      return whenUnavailable === 'down' ? session.down({ message }) : session.degraded({ message });
    }
  }
}
