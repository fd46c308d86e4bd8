import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import type { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { LEASE_TTL_MS, LeaseHandle, LeaseKeeper } from '../../leases/lease-keeper.js';
import {
  type ClaimedInstruction,
  type InstructionLease,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';
import { Presence } from '../../persistence/presence.js';

/** An instruction that this process executes, in one or more attempts. */
export class HeldInstruction extends LeaseHandle<InstructionLease> {
  private attempt = new AbortController();
  private isCancellationKnown = false;

  /** @returns a signal that aborts when the attempt must be repeated, or together with {@link signal} */
  beginAttempt(): AbortSignal {
    this.attempt = new AbortController();
    return AbortSignal.any([this.attempt.signal, this.signal]);
  }

  /** Ends the present attempt, because its row has changed or the engine is unavailable. */
  abortAttempt(): void {
    this.attempt.abort();
  }

  /** Ends the present attempt when it is called first; the next attempt finds the cancellation in the row. */
  notifyCancellation(): void {
    if (this.isCancellationKnown) return;
    this.isCancellationKnown = true;
    this.abortAttempt();
  }
}

/** The instructions that this process executes. One statement renews the leases of all of them. */
@Injectable()
export class InstructionLeases implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly keeper: LeaseKeeper<InstructionLease, HeldInstruction>;
  private readonly renewal: PeriodicTask;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly presence: Presence,
    private readonly events: DomainEvents,
    clock: Clock,
    @InjectPinoLogger(InstructionLeases.name) private readonly logger: PinoLogger,
  ) {
    this.keeper = new LeaseKeeper(instructions, presence, clock, events);
    this.renewal = this.keeper.renewal(
      () => this.renew(),
      // A process that takes one over gets a higher fence, with which writes of this process are refused.
      (error) => this.logger.warn({ err: error }, 'Instruction leases could not be renewed'),
    );
  }

  onApplicationBootstrap(): void {
    // A stream from an engine that became unavailable may never end by itself.
    this.unsubscribe = this.events.on('engine.unavailable', () => {
      for (const held of this.keeper.held()) held.abortAttempt();
    });
    this.renewal.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    await this.renewal.stop();
  }

  /** Claims the container's next instruction for this process. @returns null when there is none to execute now */
  claim(containerId: string): Promise<ClaimedInstruction | null> {
    return this.instructions.claim(containerId, this.presence.holder, LEASE_TTL_MS);
  }

  /** Runs `work` while holding a claimed instruction. */
  hold(
    { row, lease }: ClaimedInstruction,
    stop: AbortSignal,
    work: (held: HeldInstruction) => Promise<void>,
  ): Promise<void> {
    return this.keeper.hold(new HeldInstruction(lease, row.containerId, stop), work);
  }

  /** Frees the leases of processes that have ended. */
  releaseOfEndedProcesses(): Promise<void> {
    return this.keeper.releaseOfEndedProcesses();
  }

  private async renew(): Promise<void> {
    const held = this.keeper.held();
    const renewed = await this.instructions.renew(
      held.map(({ lease }) => lease),
      LEASE_TTL_MS,
    );
    const byId = new Map(renewed.map((each) => [each.lease.instructionId, each]));
    for (const each of held) {
      const found = byId.get(each.lease.instructionId);
      if (found?.lease.fence !== each.lease.fence) each.markLost();
      else if (found.cancelRequested) each.notifyCancellation();
    }
  }
}
