import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import {
  type ClaimedInstruction,
  type InstructionLease,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';

export const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5_000;

/** An instruction that this process follows. */
export class HeldInstruction {
  private readonly lost = new AbortController();
  private attempt = new AbortController();
  /** A cancellation was passed on to the attempt. */
  private cancelled = false;
  /** Aborts when the lease is lost, the container deleted, or this process ends. */
  readonly signal: AbortSignal;

  constructor(
    readonly lease: InstructionLease,
    readonly containerId: string,
    stop: AbortSignal,
  ) {
    this.signal = AbortSignal.any([this.lost.signal, stop]);
  }

  lose(): void {
    this.lost.abort();
  }

  /** @returns a signal that aborts when the attempt has to be made anew, or with {@link signal} */
  begin(): AbortSignal {
    this.attempt = new AbortController();
    return AbortSignal.any([this.attempt.signal, this.signal]);
  }

  /** Breaks the present attempt off: the row says something else by now, or the engine is away. */
  again(): void {
    this.attempt.abort();
  }

  /** As {@link again}, once. */
  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.again();
  }
}

/** The instructions that this process follows: one statement keeps the leases of all of them. */
@Injectable()
export class InstructionLeases implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly holdings = new Map<string, HeldInstruction>();
  private readonly stopped = new AbortController();
  private renewing: Promise<void> | undefined;
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(InstructionLeases.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = [
      this.events.on('container.deleting', ({ containerId }) => {
        for (const holding of this.holdings.values()) if (holding.containerId === containerId) holding.lose();
      }),
      // A stream to an engine that is gone may stay silent for ever.
      this.events.on('engine.unavailable', () => {
        for (const holding of this.holdings.values()) holding.again();
      }),
    ];
    this.renewing = this.renewUntilStopped();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped.abort();
    for (const each of this.unsubscribe) each();
    await this.renewing;
  }

  /** Runs `work` while holding the instruction. */
  async hold(
    { row, lease }: ClaimedInstruction,
    stop: AbortSignal,
    work: (holding: HeldInstruction) => Promise<void>,
  ): Promise<void> {
    const holding = new HeldInstruction(lease, row.containerId, stop);
    this.holdings.set(row.id, holding);
    try {
      await work(holding);
    } finally {
      this.holdings.delete(row.id);
      // Where it ended there is nothing to let go of.
      await this.instructions.release(lease).catch(() => undefined);
    }
  }

  private async renewUntilStopped(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      await this.clock.sleep(RENEW_EVERY_MS, this.stopped.signal);
      if (this.stopped.signal.aborted) return;
      await this.renew().catch((error: unknown) => {
        // Whoever takes one over in the meantime has a higher fence, and nothing more is written here.
        this.logger.warn({ err: error }, 'The leases of instructions could not be renewed');
      });
    }
  }

  private async renew(): Promise<void> {
    const asked = [...this.holdings.values()];
    const renewed = await this.instructions.renew(
      asked.map(({ lease }) => lease),
      LEASE_MS,
    );
    const present = new Map(renewed.map((each) => [each.lease.instructionId, each]));
    for (const holding of asked) {
      const { instructionId, fence } = holding.lease;
      const found = present.get(instructionId);
      if (found?.lease.fence !== fence) holding.lose();
      else if (found.cancelRequested) holding.cancel();
    }
  }
}
