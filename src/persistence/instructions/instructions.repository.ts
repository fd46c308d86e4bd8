import type { IdempotencyKey } from '../containers/containers.repository.js';
import type { instructions } from './instructions.schema.js';
import type { InstructionStatus, Scope, StatusReason } from '../types.js';

export type InstructionRow = typeof instructions.$inferSelect;

/** The columns that are given on insertion. */
export type NewInstruction = Pick<
  InstructionRow,
  | 'id'
  | 'ownerId'
  | 'projectId'
  | 'containerId'
  | 'prompt'
  | 'resumeSessionId'
  | 'continueLatest'
  | 'model'
  | 'maxTurns'
  | 'maxBudgetUsd'
  | 'budgetUsd'
  | 'timeoutSeconds'
  | 'createdAt'
>;

/** The right to execute one instruction. `fence` grows with every holder; writes with an older one are refused. */
export interface InstructionLease {
  instructionId: string;
  holder: string;
  fence: number;
}

export type InstructionInsertOutcome =
  | { kind: 'inserted'; row: InstructionRow }
  /** The key was used before, with the same body. */
  | { kind: 'replayed'; instructionId: string }
  | { kind: 'key_reused' }
  | { kind: 'container_gone' };

export interface InstructionListQuery {
  scope: Scope;
  /** Of all containers without it. */
  containerId?: string;
  status?: InstructionStatus;
  limit: number;
  /** `position` of the last instruction on the previous page. */
  before?: number;
}

/** How an instruction ended. */
export interface InstructionEnd {
  status: Exclude<InstructionStatus, 'queued' | 'running'>;
  reason: StatusReason | null;
  patch?: Partial<
    Pick<
      InstructionRow,
      | 'sessionId'
      | 'result'
      | 'costUsd'
      | 'costEstimated'
      | 'turns'
      | 'usage'
      | 'diffBytes'
      | 'diffTruncated'
      | 'diffFiles'
      | 'diffInsertions'
      | 'diffDeletions'
    >
  >;
}

/** What changes while an instruction runs. */
export interface InstructionProgress {
  lastSeq: number;
  isFinished: boolean;
  /** Differs after every change that is not an event. */
  version: string;
}

/** What a running instruction does. */
export interface InstructionActivity {
  containerId: string;
  startedAt: Date;
  /** The oldest of its open permission requests. */
  pendingPermission: { toolName: string; input: string; askedAt: Date } | null;
}

/** A lease that was renewed. */
export interface RenewedLease {
  lease: InstructionLease;
  cancelRequested: boolean;
}

/** An instruction that this process has to execute. */
export interface ClaimedInstruction {
  row: InstructionRow;
  lease: InstructionLease;
}

/** Rows of instructions. They are deleted with their container. */
export abstract class InstructionsRepository {
  /**
   * Writes the instruction and its idempotency key in one transaction.
   * @throws QuotaExceededError when the project has as many unfinished instructions as it may
   */
  abstract insert(instruction: NewInstruction, key?: IdempotencyKey): Promise<InstructionInsertOutcome>;
  /**
   * Whether a project may have one more unfinished instruction now; {@link insert} decides.
   * @throws QuotaExceededError
   */
  abstract requireQuota(projectId: string): Promise<void>;
  /** @returns null when the key was not used before for that container */
  abstract findByKey(
    ownerId: string,
    containerId: string,
    key: IdempotencyKey,
  ): Promise<Exclude<InstructionInsertOutcome, { kind: 'inserted' }> | null>;
  abstract findById(id: string, scope: Scope): Promise<InstructionRow | null>;
  /** Of one that was found in the scope of the caller. */
  abstract progress(id: string): Promise<InstructionProgress | null>;
  /** One for each container with a running instruction. */
  abstract activities(): Promise<InstructionActivity[]>;
  /** Latest first. */
  abstract list(query: InstructionListQuery): Promise<InstructionRow[]>;

  /**
   * Takes the lease of the container's running instruction when no process holds it, else starts the next one in order
   * when the container runs.
   * @returns null when there is no such instruction
   */
  abstract claim(containerId: string, holder: string, ttlMs: number): Promise<ClaimedInstruction | null>;
  /** Containers for which {@link claim} would return an instruction. */
  abstract claimable(): Promise<string[]>;
  /** Whether the container has queued or running instructions. */
  abstract hasUnfinished(containerId: string): Promise<boolean>;
  /** Bytes of the events and patches of all instructions. */
  abstract storedBytes(): Promise<number>;
  /** @returns the given leases that are still valid */
  abstract renew(leases: InstructionLease[], ttlMs: number): Promise<RenewedLease[]>;
  abstract release(lease: InstructionLease): Promise<void>;
  /** Names of all processes that hold a lease. */
  abstract leaseHolders(): Promise<string[]>;
  /** Frees the leases of a process that has ended. */
  abstract releaseLeasesOf(holder: string): Promise<void>;

  /** @returns the updated row, or null when the lease is lost or the instruction deleted */
  abstract finish(lease: InstructionLease, end: InstructionEnd): Promise<InstructionRow | null>;
  /** Ends a queued instruction; marks a running one. @returns the updated row, or null when it was deleted */
  abstract cancel(id: string, reason: StatusReason): Promise<InstructionRow | null>;
}
