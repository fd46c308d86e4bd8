import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { EngineMonitor } from '../../drivers/engine-monitor.js';
import type { WorkspaceEventType } from '../../drivers/workspace.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import { ContainerReconciliation, STOPPED_ON_PURPOSE_MS } from './container-reconciliation.js';
import { OrphanSweeper } from './orphan-sweeper.js';

const EVERY_MS = 15_000;
/** Events of one container come in bursts. */
const SETTLE_MS = 50;
/** When an exit counts as on purpose, unless the engine went down with it. */
const SECOND_LOOK_MS = STOPPED_ON_PURPOSE_MS + 1_000;
/** Events that tell nothing about the state in the row. */
const IGNORED: WorkspaceEventType[] = ['created'];

/**
 * Reconciles rows with the engine: after start, when the engine comes back, on every engine event and on a slow timer.
 * While the engine does not answer nothing is changed.
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopped = new AbortController();
  private readonly touched = new Set<string>();
  private loop: Promise<void> | undefined;
  private running: Promise<void> = Promise.resolve();
  private settling: NodeJS.Timeout | undefined;

  constructor(
    private readonly engine: EngineMonitor,
    private readonly events: DomainEvents,
    private readonly reconciliation: ContainerReconciliation,
    private readonly sweeper: OrphanSweeper,
    private readonly leases: ContainerLeases,
    private readonly clock: Clock,
    @InjectPinoLogger(Reconciler.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.engine.onEvent(({ id, type }) => {
      if (IGNORED.includes(type)) return;
      this.touch(id);
      if (type === 'exited') void this.clock.sleep(SECOND_LOOK_MS, this.stopped.signal).then(() => this.touch(id));
    });
    this.events.on('engine.available', () => this.enqueue(() => this.reconcileAll(true)));
    this.engine.start();
    this.loop = this.repeat();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped.abort();
    clearTimeout(this.settling);
    await this.loop;
    await this.running;
  }

  private touch(id: string): void {
    if (this.stopped.signal.aborted) return;
    this.touched.add(id);
    this.settling ??= setTimeout(() => {
      this.settling = undefined;
      const ids = [...this.touched];
      this.touched.clear();
      void this.enqueue(async () => {
        for (const each of ids) await this.reconciliation.reconcileOne(each);
      });
    }, SETTLE_MS);
  }

  private async repeat(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      await this.clock.sleep(EVERY_MS, this.stopped.signal);
      if (!this.stopped.signal.aborted) await this.enqueue(() => this.reconcileAll(false));
    }
  }

  private async reconcileAll(engineWasAway: boolean): Promise<void> {
    await this.leases.releaseOfEndedProcesses();
    await this.reconciliation.reconcileAll(engineWasAway);
    await this.sweeper.sweep();
  }

  /** Runs one at a time, in order. A failure is logged; the timer tries again. */
  private enqueue(work: () => Promise<void>): Promise<void> {
    this.running = this.running.then(async () => {
      if (this.stopped.signal.aborted) return;
      try {
        await work();
      } catch (error) {
        this.logger.warn({ err: error }, 'Rows could not be reconciled with the engine');
      }
    });
    return this.running;
  }
}
