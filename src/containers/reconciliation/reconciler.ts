import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { EngineMonitor } from '../../drivers/engine-monitor.js';
import { LABEL_ID } from '../../drivers/docker/labels.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import { ContainerReconciliation, MEANT_TO_STOP_MS } from './container-reconciliation.js';
import { OrphanSweeper } from './orphan-sweeper.js';

const EVERY_MS = 15_000;
/** Events of one container come in bursts: kill, die, stop. */
const SETTLE_MS = 50;
/** By then the end of a container counts as meant, unless the engine went down with it. */
const SECOND_LOOK_MS = MEANT_TO_STOP_MS + 1_000;
/** Engine events after which a container may no longer be what its row says. */
const TELLING = new Set(['start', 'die', 'stop', 'destroy', 'oom', 'pause', 'unpause']);

/**
 * Keeps rows and engine in agreement: after start, when the engine comes back, on every engine event and
 * on a slow timer. An engine that does not answer changes nothing.
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
    private readonly leftovers: OrphanSweeper,
    private readonly leases: ContainerLeases,
    private readonly clock: Clock,
    @InjectPinoLogger(Reconciler.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.engine.onEvent(({ action, labels }) => {
      const id = labels[LABEL_ID];
      if (id === undefined || !TELLING.has(action)) return;
      this.touch(id);
      if (action === 'die') void this.clock.sleep(SECOND_LOOK_MS, this.stopped.signal).then(() => this.touch(id));
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
    await this.leftovers.sweep();
  }

  /** One at a time, in order. What fails is logged and comes round again. */
  private enqueue(work: () => Promise<void>): Promise<void> {
    this.running = this.running.then(async () => {
      if (this.stopped.signal.aborted) return;
      try {
        await work();
      } catch (error) {
        this.logger.warn({ err: error }, 'Rows and engine could not be compared; nothing was changed');
      }
    });
    return this.running;
  }
}
