import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { InstructionEventsRepository } from '../../persistence/instructions/instruction-events.repository.js';
import { InstructionPermissionsRepository } from '../../persistence/instructions/instruction-permissions.repository.js';
import type { InstructionLease, InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import { InstructionChanges } from './instruction-changes.js';
import { type CliEvent, readCliEvent } from './cli-event.js';

/** Somebody else follows the instruction by now, or it is gone. */
export class LeaseLostError extends Error {
  constructor(instructionId: string) {
    super(`The instruction ${instructionId} is no longer followed by this process`);
  }
}

const BATCH_EVENTS = 5_000;
const BATCH_BYTES = 1024 * 1024;
/** What waits to be written before the runner is read no further. */
const ENOUGH_BYTES = 4 * BATCH_BYTES;

/** Where events go. */
@Injectable()
export class EventStores {
  constructor(
    readonly events: InstructionEventsRepository,
    readonly permissions: InstructionPermissionsRepository,
    readonly changes: InstructionChanges,
    readonly clock: Clock,
  ) {}
}

/**
 * Writes a run's events to the database. A single one is written at once; what comes in the meantime is the next
 * batch, so the faster they come, the more of them share a commit.
 */
export class EventWriter {
  private pending: CliEvent[] = [];
  private pendingBytes = 0;
  private writing: Promise<void> | undefined;
  private failure: { error: unknown } | undefined;
  private lastSeq: number;
  private offset: number;

  constructor(
    private readonly row: InstructionRow,
    private readonly lease: InstructionLease,
    private readonly stores: EventStores,
  ) {
    this.lastSeq = row.lastSeq;
    this.offset = row.eventOffset;
  }

  /** Takes lines as the runner has them; waits while too many are not written yet. @throws what the writing met */
  async add(lines: Buffer[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure.error;
    for (const line of lines) {
      const event = readCliEvent(line);
      this.pending.push(event);
      this.pendingBytes += event.bytes;
    }
    this.writing ??= this.write();
    if (this.pendingBytes > ENOUGH_BYTES) await this.flush();
  }

  /** Waits until all is written. @throws what the writing met */
  async flush(): Promise<void> {
    await this.writing;
    if (this.failure !== undefined) throw this.failure.error;
  }

  /** Waits until nothing is being written any more, whatever came of it. */
  async close(): Promise<void> {
    await this.writing;
  }

  private async write(): Promise<void> {
    try {
      while (this.pending.length > 0) await this.writeBatch(this.takeBatch());
    } catch (error) {
      this.failure = { error };
    } finally {
      this.writing = undefined;
    }
  }

  private takeBatch(): CliEvent[] {
    let bytes = 0;
    let count = 0;
    while (count < Math.min(this.pending.length, BATCH_EVENTS) && bytes < BATCH_BYTES)
      bytes += this.pending[count++]!.bytes;
    this.pendingBytes -= bytes;
    if (count === this.pending.length) return this.pending.splice(0);
    return this.pending.splice(0, count);
  }

  private async writeBatch(batch: CliEvent[]): Promise<void> {
    const offset = this.offset + batch.reduce((sum, { bytes }) => sum + bytes, 0);
    const sessionId = batch.findLast((event) => event.sessionId !== undefined)?.sessionId;
    // Written before the event that asks is, so that whoever sees the event finds what to answer.
    for (const event of batch) await this.notePermission(event);
    const written = await this.stores.events.append(this.lease, {
      after: this.lastSeq,
      events: batch.map(({ json }) => json),
      offset,
      sessionId,
    });
    if (!written) throw new LeaseLostError(this.row.id);
    this.lastSeq += batch.length;
    this.offset = offset;
    const { changes } = this.stores;
    const changed = { ...this.row, lastSeq: this.lastSeq };
    if (batch.some(({ asks, withdraws }) => asks ?? withdraws)) changes.moved(changed);
    else changes.grew(changed);
  }

  private async notePermission({ asks, withdraws }: CliEvent): Promise<void> {
    const { permissions, clock } = this.stores;
    if (asks !== undefined) await permissions.ask({ instructionId: this.row.id, ...asks, askedAt: clock.now() });
    if (withdraws !== undefined) await permissions.close(this.row.id, withdraws);
  }
}
