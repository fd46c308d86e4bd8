import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { isDatabaseUnavailable } from '../../persistence/database-error.js';
import {
  type InstructionEnd,
  type InstructionRow,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import { RunnerError } from '../runner/runner-client.js';
import { LeaseLostError } from '../follow/event-writer.js';
import type { HeldInstruction } from './instruction-leases.js';
import { InstructionFollower } from '../follow/instruction-follower.js';
import { RunCleanup } from './run-cleanup.js';
import { failedEnd } from './run-end.js';

const PAUSE_MS = { first: 250, longest: 5_000 };
/** An attempt that went this long went well, whatever broke it off. */
const GOOD_ATTEMPT_MS = 10_000;
/** About a minute and a half. */
const MOST_FAILURES = 20;
/** The engine or the container is away: its row will tell what comes of that. */
const PASSING = new Set(['unavailable', 'conflict', 'not_found', 'aborted']);

/** Takes one instruction to its end, however often the engine, the container or the database goes away on the way. */
@Injectable()
export class InstructionWorker {
  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly follower: InstructionFollower,
    private readonly after: RunCleanup,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(InstructionWorker.name) private readonly logger: PinoLogger,
  ) {}

  /** Returns when it has ended, or is no longer this process's. */
  async toItsEnd(row: InstructionRow, holding: HeldInstruction): Promise<void> {
    this.after.changed(row);
    let pauseMs = PAUSE_MS.first;
    let failures = 0;
    while (!holding.signal.aborted) {
      const attempt = holding.begin();
      const begunAt = this.clock.now().getTime();
      try {
        const end = await this.follower.follow(holding.lease, attempt);
        if (end !== undefined) return await this.finish(holding, end);
      } catch (error) {
        if (holding.signal.aborted || error instanceof LeaseLostError) return;
        if (!attempt.aborted) {
          this.logger.warn({ err: error, instructionId: row.id }, 'An instruction could not be followed');
          failures += isPassing(error) ? 0 : 1;
          const end = failures > MOST_FAILURES || isFinal(error) ? toEnd(error) : undefined;
          if (end !== undefined) {
            await this.after.abandon(row);
            return await this.finish(holding, end);
          }
        }
      }
      if (this.clock.now().getTime() - begunAt > GOOD_ATTEMPT_MS) {
        [pauseMs, failures] = [PAUSE_MS.first, 0];
      }
      await this.pause(row.containerId, pauseMs, holding.signal);
      pauseMs = Math.min(2 * pauseMs, PAUSE_MS.longest);
    }
  }

  private async finish({ lease }: HeldInstruction, end: InstructionEnd): Promise<void> {
    const ended = await this.instructions.finish(lease, end);
    if (ended === null) return;
    this.logger.info(
      { instructionId: ended.id, containerId: ended.containerId, status: ended.status, code: ended.statusReason?.code },
      'An instruction ended',
    );
    this.after.changed(ended);
    void this.after.cleanUp(ended);
  }

  /** Until the time is over, or something about the container changes. */
  private async pause(containerId: string, ms: number, signal: AbortSignal): Promise<void> {
    const changed = new AbortController();
    const unsubscribe = this.events.on('container.changed', (event) => {
      if (event.containerId === containerId) changed.abort();
    });
    await this.clock.sleep(ms, AbortSignal.any([changed.signal, signal]));
    unsubscribe();
  }
}

function isPassing(error: unknown): boolean {
  return isDatabaseUnavailable(error) || (error instanceof DriverError && PASSING.has(error.code));
}

/** Trying again cannot change it. */
function isFinal(error: unknown): boolean {
  return error instanceof RunnerError && error.code === 'missing';
}

function toEnd(error: unknown): InstructionEnd {
  if (error instanceof RunnerError)
    return failedEnd(error.code === 'missing' ? 'image_outdated' : 'runner_failed', error.message);
  if (error instanceof DriverError) return failedEnd('runner_failed', error.message);
  return failedEnd('internal_error', 'A fault of DevForge: the log has the details.');
}
