import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { Presence } from '../../persistence/presence.js';
import { InstructionLeases, LEASE_MS } from './instruction-leases.js';
import { InstructionWorker } from './instruction-worker.js';

/** Finds what no process has told this one: accepted elsewhere, or left behind by a process that ended. */
const SWEEP_EVERY_MS = 2_000;

/** Works through the instructions of every container: in order, one at a time in each, all containers at once. */
@Injectable()
export class InstructionQueue implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopped = new AbortController();
  /** Containers that this process works on, and whether it was asked again in the meantime. */
  private readonly working = new Map<string, { again: boolean; done: Promise<void> }>();
  /** Containers with something in the queue that this process could not begin. */
  private readonly waiting = new Set<string>();
  private sweeping: Promise<void> | undefined;
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly run: InstructionWorker,
    private readonly held: InstructionLeases,
    private readonly presence: Presence,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(InstructionQueue.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => {
        if (this.waiting.has(containerId)) this.wake(containerId);
      }),
      this.events.on('container.removed', ({ containerId }) => void this.waiting.delete(containerId)),
    ];
    this.sweeping = this.sweepUntilStopped();
  }

  /** Lets go at once: the runs go on in their containers, and the next process follows them. */
  async onModuleDestroy(): Promise<void> {
    this.stopped.abort();
    for (const each of this.unsubscribe) each();
    await this.sweeping;
    await Promise.all([...this.working.values()].map(({ done }) => done));
  }

  /** Has a look at the container's queue. Returns at once. */
  wake(containerId: string): void {
    if (this.stopped.signal.aborted) return;
    const known = this.working.get(containerId);
    if (known !== undefined) return void (known.again = true);
    const entry = { again: true, done: Promise.resolve() };
    this.working.set(containerId, entry);
    entry.done = this.work(containerId, entry);
  }

  private async work(containerId: string, entry: { again: boolean }): Promise<void> {
    try {
      while (entry.again && !this.stopped.signal.aborted) {
        entry.again = false;
        const claimed = await this.instructions.claim(containerId, this.presence.holder, LEASE_MS);
        if (claimed === null) await this.noteWaiting(containerId);
        else {
          entry.again = true;
          await this.held.hold(claimed, this.stopped.signal, (holding) => this.run.toItsEnd(claimed.row, holding));
        }
      }
    } catch (error) {
      // What is in the rows is found again by the next sweep.
      this.logger.warn({ err: error, containerId }, 'The instructions of a container could not be worked on');
    } finally {
      this.working.delete(containerId);
    }
  }

  /** Most of what waits, waits for its container to run. */
  private async noteWaiting(containerId: string): Promise<void> {
    if (await this.instructions.unfinished(containerId)) this.waiting.add(containerId);
    else this.waiting.delete(containerId);
  }

  private async sweepUntilStopped(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        await this.sweep();
      } catch (error) {
        this.logger.warn({ err: error }, 'Instructions could not be looked for');
      }
      await this.clock.sleep(SWEEP_EVERY_MS, this.stopped.signal);
    }
  }

  private async sweep(): Promise<void> {
    for (const holder of await this.instructions.leaseHolders()) {
      if (await this.presence.hasEnded(holder)) await this.instructions.releaseLeasesOf(holder);
    }
    for (const containerId of await this.instructions.claimable()) this.wake(containerId);
  }
}
