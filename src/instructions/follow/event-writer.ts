import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import {
  type EventBatch,
  InstructionEventsRepository,
} from '../../persistence/instructions/instruction-events.repository.js';
import { InstructionPermissionsRepository } from '../../persistence/instructions/instruction-permissions.repository.js';
import type { InstructionLease, InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { Settings } from '../../config/settings.js';
import { ModelPriceTable } from '../../spend/model-price-table.js';
import { InstructionChanges } from './instruction-changes.js';
import { InstructionStorage } from './instruction-storage.js';
import { type CliEvent, readCliEvent } from './cli-event.js';
import { type InstructionFigures, LiveFigures } from './live-figures.js';

/** Another process holds the instruction, or the instruction was deleted. */
export class LeaseLostError extends Error {
  constructor(instructionId: string) {
    super(`This process no longer holds the instruction ${instructionId}`);
    this.name = 'LeaseLostError';
  }
}

const BATCH_EVENTS = 5_000;
const BATCH_BYTES = 1024 * 1024;
/** Beyond this, the output of the run is not read until some of it has been written. */
const MAX_PENDING_BYTES = 4 * BATCH_BYTES;

/** Claude Code asks for one at a time, or for a few tools that run at the same time. */
const MAX_OPEN_PERMISSIONS = 100;

interface EventWriterDependencies {
  readonly events: InstructionEventsRepository;
  readonly permissions: InstructionPermissionsRepository;
  readonly changes: InstructionChanges;
  readonly clock: Clock;
  readonly storage: InstructionStorage;
  readonly limits: Settings['instructionOutput'];
}

@Injectable()
export class EventWriterFactory {
  constructor(
    private readonly events: InstructionEventsRepository,
    private readonly permissions: InstructionPermissionsRepository,
    private readonly changes: InstructionChanges,
    private readonly clock: Clock,
    private readonly storage: InstructionStorage,
    private readonly prices: ModelPriceTable,
    private readonly settings: Settings,
  ) {}

  /** @returns a writer that appends to the events stored for the row */
  async create(row: InstructionRow, lease: InstructionLease): Promise<EventWriter> {
    const { events, permissions, changes, clock, storage } = this;
    return new EventWriter(row, lease, await this.figuresOf(row), {
      events,
      permissions,
      changes,
      clock,
      storage,
      limits: this.settings.instructionOutput,
    });
  }

  /** Counts what earlier attempts, perhaps of another process, have stored. */
  private async figuresOf({ id: instructionId, lastSeq }: InstructionRow): Promise<LiveFigures> {
    const figures = new LiveFigures(this.prices);
    for (let after = 0; after < lastSeq;) {
      const page = await this.events.page({ instructionId, after, through: lastSeq });
      if (page.length === 0) break;
      for (const { event } of page) figures.observe(readCliEvent(Buffer.from(event)));
      after = page.at(-1)!.seq;
    }
    return figures;
  }
}

/**
 * Writes a run's events to the database. The first event is written at once. Events that arrive during a write form the
 * next batch, so commits grow with the rate of events.
 */
export class EventWriter {
  private pending: CliEvent[] = [];
  private pendingBytes = 0;
  private writing: Promise<void> | undefined;
  private failure: { error: unknown } | undefined;
  private lastSeq: number;
  private offset: number;
  /** Events and bytes of the run, including those that are pending. */
  private readonly accepted: { events: number; bytes: number };

  constructor(
    private readonly row: InstructionRow,
    private readonly lease: InstructionLease,
    private readonly figures: LiveFigures,
    private readonly dependencies: EventWriterDependencies,
  ) {
    this.lastSeq = row.lastSeq;
    this.offset = row.eventOffset;
    this.accepted = { events: row.lastSeq, bytes: row.eventOffset };
  }

  /**
   * Queues lines of the runner's file; waits while too many bytes are pending.
   * @throws LeaseLostError, or the database error of a failed write
   * @throws DomainError `output_limit_exceeded` when the run has more events than it may have, `instruction_storage_full`
   */
  async add(lines: Buffer[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure.error;
    try {
      for (const line of lines) {
        const event = readCliEvent(line);
        this.accept(event);
        this.pending.push(event);
        this.pendingBytes += event.bytes;
      }
    } finally {
      this.writing ??= this.write();
    }
    if (this.pendingBytes > MAX_PENDING_BYTES) await this.flush();
  }

  /** Waits until everything is written. @throws as {@link add} */
  async flush(): Promise<void> {
    await this.writing;
    if (this.failure !== undefined) throw this.failure.error;
  }

  /** What the run has used that Claude Code did not report before the run ended. */
  get unreportedFigures(): InstructionFigures | undefined {
    return this.figures.unreported;
  }

  /** Waits for the write that is in progress, without reporting its failure. */
  async close(): Promise<void> {
    await this.writing;
  }

  private accept({ json, bytes }: CliEvent): void {
    const { maxEvents, maxBytes } = this.dependencies.limits;
    this.accepted.events += 1;
    this.accepted.bytes += Math.max(bytes, json.length);
    if (this.accepted.events > maxEvents) throw limitExceeded(`more than ${maxEvents} events (INSTRUCTION_MAX_EVENTS)`);
    if (this.accepted.bytes > maxBytes)
      throw limitExceeded(`more than ${maxBytes} bytes of events (INSTRUCTION_MAX_OUTPUT_MB)`);
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
    const { events, changes, storage } = this.dependencies;
    await storage.requireRoom();
    const offset = this.offset + batch.reduce((sum, { bytes }) => sum + bytes, 0);
    const sessionId = batch.findLast((event) => event.sessionId !== undefined)?.sessionId;
    // Stored before the events, so that a client that reads the event of a request can answer it.
    for (const event of batch) await this.recordPermission(event);
    const haveFiguresChanged = batch.filter((event) => this.figures.observe(event)).length > 0;
    const written = await events.append(this.lease, {
      after: this.lastSeq,
      events: batch.map(({ json }) => json),
      offset,
      sessionId,
      ...(haveFiguresChanged ? { figures: toColumns(this.figures.current) } : {}),
    });
    if (!written) throw new LeaseLostError(this.row.id);
    storage.add(offset - this.offset);
    this.lastSeq += batch.length;
    this.offset = offset;
    const changed = { ...this.row, lastSeq: this.lastSeq };
    const concernsPermissions = batch.some((event) => event.permissionRequest ?? event.withdrawnRequestId);
    if (concernsPermissions) changes.stateChanged(changed);
    else changes.eventsAppended(changed);
  }

  private async recordPermission({ permissionRequest, withdrawnRequestId }: CliEvent): Promise<void> {
    const { permissions, clock } = this.dependencies;
    const { id: instructionId } = this.row;
    if (permissionRequest !== undefined) {
      const request = { instructionId, ...permissionRequest, askedAt: clock.now() };
      if ((await permissions.insert(request, MAX_OPEN_PERMISSIONS)) === 'full')
        throw limitExceeded(`more than ${MAX_OPEN_PERMISSIONS} permission requests at a time`);
    }
    if (withdrawnRequestId !== undefined) await permissions.close(instructionId, withdrawnRequestId);
  }
}

function limitExceeded(what: string): DomainError {
  return new DomainError('output_limit_exceeded', `The run wrote ${what}; it was ended.`);
}

/** PostgreSQL's integer holds the number of turns. */
const MAX_TURNS = 2 ** 31 - 1;

function toColumns(figures: InstructionFigures | undefined): EventBatch['figures'] {
  return figures && { ...figures, turns: Math.min(figures.turns, MAX_TURNS), usage: { ...figures.usage } };
}
