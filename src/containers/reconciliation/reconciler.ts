import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { SerialQueue } from '../../common/concurrency/serial-queue.js';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { EngineMonitor } from '../../drivers/engine-monitor.js';
import type { WorkspaceEventType } from '../../drivers/workspace.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import { ContainerReconciliation, STOPPED_ON_PURPOSE_MS } from './container-reconciliation.js';
import { OrphanSweeper } from './orphan-sweeper.js';

const INTERVAL_MS = 15_000;
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
  private readonly touched = new Set<string>();
  private readonly queue = new SerialQueue();
  private readonly timer: PeriodicTask;
  private settling: NodeJS.Timeout | undefined;

  constructor(
    private readonly engine: EngineMonitor,
    private readonly events: DomainEvents,
    private readonly reconciliation: ContainerReconciliation,
    private readonly sweeper: OrphanSweeper,
    private readonly leases: ContainerLeases,
    private readonly clock: Clock,
    @InjectPinoLogger(Reconciler.name) private readonly logger: PinoLogger,
  ) {
    this.timer = new PeriodicTask(clock, () => this.enqueue(() => this.reconcileAll(false)), {
      intervalMs: INTERVAL_MS,
      onError: () => undefined,
    });
  }

  onApplicationBootstrap(): void {
    this.engine.onEvent(({ id, type }) => {
      if (IGNORED.includes(type)) return;
      this.touch(id);
      if (type === 'exited') void this.clock.sleep(SECOND_LOOK_MS, this.timer.signal).then(() => this.touch(id));
    });
    this.events.on('engine.available', () => this.enqueue(() => this.reconcileAll(true)));
    this.engine.start();
    this.timer.start();
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.settling);
    await this.timer.stop();
    await this.queue.drained();
  }

  private touch(id: string): void {
    if (this.timer.signal.aborted) return;
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

  private async reconcileAll(engineWasAway: boolean): Promise<void> {
    await this.leases.releaseOfEndedProcesses();
    await this.reconciliation.reconcileAll(engineWasAway);
    await this.sweeper.sweep();
  }

  /** Runs one at a time, in order. A failure is logged; the timer tries again. */
  private enqueue(work: () => Promise<void>): Promise<void> {
    return this.queue
      .run(async () => {
        if (!this.timer.signal.aborted) await work();
      })
      .catch((error: unknown) => this.logger.warn({ err: error }, 'Rows could not be reconciled with the engine'));
  }
}
