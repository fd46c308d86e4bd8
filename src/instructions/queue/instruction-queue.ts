import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { InstructionLeases } from './instruction-leases.js';
import { InstructionWorker } from './instruction-worker.js';

/** Finds instructions of which no event arrived: accepted by another process, or left by one that ended. */
const SWEEP_INTERVAL_MS = 2_000;

/** Executes the instructions of every container: in order, one at a time in each, all containers in parallel. */
@Injectable()
export class InstructionQueue implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly sweeping: PeriodicTask;
  /** Containers whose queue this process works on, and whether they were woken again in the meantime. */
  private readonly activeContainers = new Map<string, { again: boolean; done: Promise<void> }>();
  /** Containers with unfinished instructions of which none could be claimed. */
  private readonly waitingContainers = new Set<string>();
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly worker: InstructionWorker,
    private readonly leases: InstructionLeases,
    private readonly events: DomainEvents,
    clock: Clock,
    @InjectPinoLogger(InstructionQueue.name) private readonly logger: PinoLogger,
  ) {
    this.sweeping = new PeriodicTask(clock, () => this.sweep(), {
      intervalMs: SWEEP_INTERVAL_MS,
      immediate: true,
      onError: (error) => this.logger.warn({ err: error }, 'The sweep for instructions failed'),
    });
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => {
        if (this.waitingContainers.has(containerId)) this.wake(containerId);
      }),
      this.events.on('container.removed', ({ containerId }) => void this.waitingContainers.delete(containerId)),
    ];
    this.sweeping.start();
  }

  /** Stops following at once: the runs continue in their containers, and the next process follows them. */
  async onModuleDestroy(): Promise<void> {
    for (const each of this.unsubscribe) each();
    await this.sweeping.stop();
    await Promise.all([...this.activeContainers.values()].map(({ done }) => done));
  }

  /** Starts to work through the container's queue in the background. */
  wake(containerId: string): void {
    if (this.stopped.aborted) return;
    const active = this.activeContainers.get(containerId);
    if (active !== undefined) return void (active.again = true);
    const entry = { again: true, done: Promise.resolve() };
    this.activeContainers.set(containerId, entry);
    entry.done = this.work(containerId, entry);
  }

  private get stopped(): AbortSignal {
    return this.sweeping.signal;
  }

  private async work(containerId: string, entry: { again: boolean }): Promise<void> {
    try {
      while (entry.again && !this.stopped.aborted) {
        entry.again = false;
        const claimed = await this.leases.claim(containerId);
        if (claimed === null) await this.updateWaiting(containerId);
        else {
          entry.again = true;
          await this.leases.hold(claimed, this.stopped, (held) => this.worker.runToEnd(claimed.row, held));
        }
      }
    } catch (error) {
      // The next sweep finds the unfinished rows again.
      this.logger.warn({ err: error, containerId }, 'The instruction queue of a container failed');
    } finally {
      this.activeContainers.delete(containerId);
    }
  }

  /** Instructions that cannot be claimed mostly wait for their container to run. */
  private async updateWaiting(containerId: string): Promise<void> {
    if (await this.instructions.hasUnfinished(containerId)) this.waitingContainers.add(containerId);
    else this.waitingContainers.delete(containerId);
  }

  private async sweep(): Promise<void> {
    await this.leases.releaseOfEndedProcesses();
    for (const containerId of await this.instructions.claimable()) this.wake(containerId);
  }
}
