import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { DomainError } from '../../common/errors/domain-error.js';
import type { ErrorCode } from '../../common/errors/error-codes.js';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import { isDatabaseUnavailable, isOutOfDisk } from '../../persistence/database-error.js';
import {
  type InstructionEnd,
  type InstructionRow,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import { RunnerError } from '../runner/runner-client.js';
import { LeaseLostError } from '../follow/event-writer.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import type { HeldInstruction } from './instruction-leases.js';
import { InstructionFollower } from '../follow/instruction-follower.js';
import { RunCleanup } from './run-cleanup.js';
import { failedEnd } from '../follow/run-end.js';

const RETRY_DELAY_MS = { initial: 250, max: 5_000 };
/** An attempt that lasted this long resets the retry delay and the failure count. */
const STABLE_ATTEMPT_MS = 10_000;
/** With the delays in between, these take about a minute and a half. */
const MAX_FAILURES = 20;
/** Errors of an unavailable engine or container. The container's row decides how the instruction continues. */
const TRANSIENT_CODES = new Set(['unavailable', 'conflict', 'not_found', 'aborted']);

/** Errors that another attempt would meet again. */
const PERMANENT_CODES = new Set<ErrorCode>([
  'image_outdated',
  'output_limit_exceeded',
  'instruction_storage_full',
  'credential_unreadable',
]);

/** Executes one instruction to its end, across outages of the engine, the container and the database. */
@Injectable()
export class InstructionWorker {
  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly follower: InstructionFollower,
    private readonly cleanup: RunCleanup,
    private readonly changes: InstructionChanges,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(InstructionWorker.name) private readonly logger: PinoLogger,
  ) {}

  /** Resolves when the instruction has ended, or this process no longer holds it. */
  async runToEnd(row: InstructionRow, held: HeldInstruction): Promise<void> {
    this.changes.stateChanged(row);
    let delayMs = RETRY_DELAY_MS.initial;
    let failures = 0;
    while (!held.signal.aborted) {
      const attempt = held.beginAttempt();
      const startedAt = this.clock.now().getTime();
      try {
        const end = await this.follower.follow(held.lease, attempt);
        if (end !== undefined) return await this.finish(held, end);
      } catch (error) {
        if (held.signal.aborted || error instanceof LeaseLostError) return;
        if (!attempt.aborted) {
          this.logger.warn({ err: error, instructionId: row.id }, 'An attempt to follow an instruction failed');
          failures += isTransient(error) ? 0 : 1;
          const end = failures > MAX_FAILURES || isPermanent(error) ? toEnd(error) : undefined;
          if (end !== undefined) {
            await this.cleanup.cancelRun(row);
            return await this.finish(held, end);
          }
        }
      }
      if (this.clock.now().getTime() - startedAt > STABLE_ATTEMPT_MS) {
        [delayMs, failures] = [RETRY_DELAY_MS.initial, 0];
      }
      await this.waitBeforeRetry(row.containerId, delayMs, held.signal);
      delayMs = Math.min(2 * delayMs, RETRY_DELAY_MS.max);
    }
  }

  private async finish({ lease }: HeldInstruction, end: InstructionEnd): Promise<void> {
    const finished = await this.instructions.finish(lease, end);
    if (finished === null) return;
    const { id: instructionId, containerId, status, statusReason } = finished;
    this.logger.info({ instructionId, containerId, status, code: statusReason?.code }, 'An instruction ended');
    this.changes.stateChanged(finished);
    void this.cleanup.removeRun(finished);
  }

  /** Waits for the given time, or until the container changes. */
  private async waitBeforeRetry(containerId: string, ms: number, signal: AbortSignal): Promise<void> {
    const changed = new AbortController();
    const unsubscribe = this.events.on('container.changed', (event) => {
      if (event.containerId === containerId) changed.abort();
    });
    await this.clock.sleep(ms, AbortSignal.any([changed.signal, signal]));
    unsubscribe();
  }
}

function isTransient(error: unknown): boolean {
  return (
    isDatabaseUnavailable(error) ||
    isOutOfDisk(error) ||
    (error instanceof DriverError && TRANSIENT_CODES.has(error.code))
  );
}

function isPermanent(error: unknown): error is DomainError {
  return error instanceof DomainError && PERMANENT_CODES.has(error.code);
}

function toEnd(error: unknown): InstructionEnd {
  if (isPermanent(error)) return failedEnd(error.code, error.message);
  if (error instanceof RunnerError || error instanceof DriverError) return failedEnd('runner_failed', error.message);
  return failedEnd('internal_error', 'An internal error of DevForge; the server log has the details.');
}
