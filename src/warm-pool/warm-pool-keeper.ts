import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../common/concurrency/periodic-task.js';
import { Clock } from '../common/time/clock.js';
import { Settings } from '../config/settings.js';
import type { WarmPoolSize } from '../config/warm-pool-settings.js';
import { EngineMonitor } from '../drivers/engine-monitor.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import { WarmPoolRepository, type WarmWorkspaceRow } from '../persistence/warm-pool/warm-pool.repository.js';
import { DEMAND_WINDOW_MS, sizeOf } from './pool-size.js';
import { WarmWorkspaceMaker } from './warm-workspace-maker.js';

const INTERVAL_MS = 10_000;
/** Containers that are being created, and what is done in them right after, come first. */
const AFTER_CLAIM_MS = 1_000;
/** For no longer than this, however many are claimed. */
const MAX_WAIT_MS = 5_000;
/** A request takes no longer to store its container. */
const CLAIM_STORED_MS = 60_000;

/** Keeps as many workspaces ready as the settings and the demand ask for, and ends those that are of no use any more. */
@Injectable()
export class WarmPoolKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly task: PeriodicTask;
  private claimedAt = 0;

  constructor(
    private readonly pool: WarmPoolRepository,
    private readonly maker: WarmWorkspaceMaker,
    private readonly driver: WorkspaceDriver,
    private readonly monitor: EngineMonitor,
    private readonly settings: Settings,
    private readonly clock: Clock,
    @InjectPinoLogger(WarmPoolKeeper.name) logger: PinoLogger,
  ) {
    this.task = new PeriodicTask(clock, (signal) => this.keep(signal), {
      intervalMs: INTERVAL_MS,
      immediate: true,
      onError: (error) => logger.warn({ err: error }, 'The warm pool could not be kept'),
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.task.stop();
  }

  /** Has the pool refilled soon. */
  noteClaim(): void {
    this.claimedAt = this.clock.now().getTime();
    this.task.trigger();
  }

  async keep(signal: AbortSignal): Promise<void> {
    await this.afterClaims(signal);
    await this.pool.settleClaims(new Date(this.clock.now().getTime() - CLAIM_STORED_MS));
    await this.maker.endAbandoned();
    const rows = await this.pool.list();
    const sizes = this.settings.warmPool;
    for (const row of rows) if (!sizes.some((size) => isOfKind(row, size))) await this.pool.end(row.id, ['ready']);
    try {
      for (const size of sizes) await this.keepOne(size, rows, signal);
    } finally {
      await this.maker.removeEnding();
    }
  }

  private async afterClaims(signal: AbortSignal): Promise<void> {
    const end = this.clock.now().getTime() + MAX_WAIT_MS;
    for (;;) {
      const now = this.clock.now().getTime();
      const wait = Math.min(this.claimedAt + AFTER_CLAIM_MS, end) - now;
      if (wait <= 0 || signal.aborted) return;
      await this.clock.sleep(wait, signal);
    }
  }

  private async keepOne(size: WarmPoolSize, rows: WarmWorkspaceRow[], signal: AbortSignal): Promise<void> {
    const image = await this.maker.prepare(size, signal);
    const fingerprint = await this.maker.fingerprint(size, image);
    const running = new Set(
      (await this.driver.list()).flatMap((one) => (one.state === 'running' ? [one.runtimeId] : [])),
    );
    const ready = rows.filter((row) => row.state === 'ready' && isOfKind(row, size));
    const usable = ready.filter((row) => row.fingerprint === fingerprint && running.has(row.runtimeId ?? ''));
    const wanted = await this.wantedOf(size);
    for (const row of ready) if (!usable.slice(0, wanted).includes(row)) await this.pool.end(row.id, ['ready']);
    await this.maker.fill(size, image, wanted, signal);
  }

  private async wantedOf(size: WarmPoolSize): Promise<number> {
    const since = new Date(this.clock.now().getTime() - DEMAND_WINDOW_MS);
    const created = await this.pool.countCreated(size, since);
    return sizeOf(size, created, (await this.monitor.info()).memoryMiB, this.settings.warmPool.length);
  }
}

function isOfKind(row: WarmWorkspaceRow, { template, fenced }: WarmPoolSize): boolean {
  return row.template === template && row.fenced === fenced;
}
