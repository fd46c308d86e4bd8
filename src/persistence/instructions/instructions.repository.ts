import type { IdempotencyKey } from '../containers/containers.repository.js';
import type { instructions } from './instructions.schema.js';
import type { InstructionStatus, StatusReason } from '../types.js';

export type InstructionRow = typeof instructions.$inferSelect;

/** What is asked for; all else follows from it. */
export type NewInstruction = Pick<
  InstructionRow,
  | 'id'
  | 'ownerId'
  | 'containerId'
  | 'prompt'
  | 'resumeSessionId'
  | 'continueLatest'
  | 'model'
  | 'maxTurns'
  | 'maxBudgetUsd'
  | 'timeoutSeconds'
  | 'createdAt'
>;

/** The right to follow one instruction. `fence` grows with every holder; a write with an older one is refused. */
export interface InstructionLease {
  instructionId: string;
  holder: string;
  fence: number;
}

export type InstructionInsertOutcome =
  | { kind: 'inserted'; row: InstructionRow }
  /** The same key came with the same body before. */
  | { kind: 'replayed'; instructionId: string }
  | { kind: 'key_reused' }
  | { kind: 'container_gone' };

export interface InstructionListQuery {
  containerId: string;
  status?: InstructionStatus;
  limit: number;
  /** `position` of the last one of the page before. */
  before?: number;
}

/** How an instruction ended. */
export interface InstructionEnd {
  status: Exclude<InstructionStatus, 'queued' | 'running'>;
  reason: StatusReason | null;
  patch?: Partial<
    Pick<InstructionRow, 'sessionId' | 'result' | 'costUsd' | 'turns' | 'usage' | 'diffBytes' | 'diffTruncated'>
  >;
}

/** What changes of one that runs. */
export interface InstructionProgress {
  lastSeq: number;
  isOver: boolean;
  /** Another text whenever something changed that is no event. */
  version: string;
}

/** What an instruction that runs is at. */
export interface InstructionActivity {
  containerId: string;
  startedAt: Date;
  /** What it has been waiting for longest, if it waits. */
  asks: { toolName: string; input: string; askedAt: Date } | null;
}

/** A lease that still holds. */
export interface RenewedLease {
  lease: InstructionLease;
  cancelRequested: boolean;
}

/** An instruction that this process is to follow. */
export interface ClaimedInstruction {
  row: InstructionRow;
  lease: InstructionLease;
}

/** Rows of instructions. With their container they go. */
export abstract class InstructionsRepository {
  /** Writes the instruction and its idempotency key together, or nothing. */
  abstract insert(instruction: NewInstruction, key?: IdempotencyKey): Promise<InstructionInsertOutcome>;
  /** What came with that key for that container before. */
  abstract findByKey(
    ownerId: string,
    containerId: string,
    key: IdempotencyKey,
  ): Promise<Exclude<InstructionInsertOutcome, { kind: 'inserted' }> | null>;
  abstract findById(id: string): Promise<InstructionRow | null>;
  abstract progress(id: string): Promise<InstructionProgress | null>;
  /** Of all that run, one for each container. */
  abstract activities(): Promise<InstructionActivity[]>;
  /** Latest first. */
  abstract list(query: InstructionListQuery): Promise<InstructionRow[]>;

  /**
   * Takes what is to be done in the container: the instruction that runs and nobody follows, else the next one in
   * order, provided that the container runs.
   * @returns null when there is nothing to do, or somebody else does it
   */
  abstract claim(containerId: string, holder: string, ttlMs: number): Promise<ClaimedInstruction | null>;
  /** Containers in which {@link claim} would find something. */
  abstract claimable(): Promise<string[]>;
  /** Whether something there waits for its turn or its end. */
  abstract unfinished(containerId: string): Promise<boolean>;
  /** @returns those that still hold, of those given */
  abstract renew(leases: InstructionLease[], ttlMs: number): Promise<RenewedLease[]>;
  abstract release(lease: InstructionLease): Promise<void>;
  /** Names of all who hold a lease. */
  abstract leaseHolders(): Promise<string[]>;
  /** Frees what a process of this name held before it ended. */
  abstract releaseLeasesOf(holder: string): Promise<void>;

  /** @returns the row as it is now, or null when the lease is lost or the instruction gone */
  abstract finish(lease: InstructionLease, end: InstructionEnd): Promise<InstructionRow | null>;
  /** Ends one that waits, at once; marks one that runs. @returns the row as it is now, or null when it is gone */
  abstract cancel(id: string, reason: StatusReason): Promise<InstructionRow | null>;
}
