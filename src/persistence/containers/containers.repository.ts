import type { containers, jobs } from './containers.schema.js';
import type { ContainerStatus, Template } from '../types.js';

export type ContainerRow = typeof containers.$inferSelect;
export type JobRow = typeof jobs.$inferSelect;
export type JobPatch = Partial<
  Pick<JobRow, 'state' | 'step' | 'progress' | 'message' | 'attempts' | 'failures' | 'error' | 'finishedAt'>
>;

/** Columns that are written once, or by leases alone, are left out. */
export type ContainerPatch = Partial<
  Pick<
    ContainerRow,
    | 'statusReason'
    | 'desiredRunning'
    | 'diskLimitEnforced'
    | 'runtimeId'
    | 'image'
    | 'jobId'
    | 'workspaceReady'
    | 'keepVolume'
    | 'startedAt'
  >
>;

/** The right to work on one container. `fence` grows with every holder; a write with an older one is refused. */
export interface Lease {
  containerId: string;
  holder: string;
  fence: number;
}

export interface IdempotencyKey {
  key: string;
  /** Hash of the body the key came with. */
  bodyHash: string;
}

export interface ListQuery {
  ownerId: string;
  status?: ContainerStatus;
  template?: Template;
  limit: number;
  /** The last container of the page before. */
  after?: { createdAt: Date; id: string };
}

export type InsertOutcome =
  | { kind: 'inserted' }
  /** The same key came with the same body before. */
  | { kind: 'replayed'; containerId: string }
  | { kind: 'key_reused' }
  | { kind: 'name_taken' };

export interface Transition {
  /** The statuses the container may be in; in any other nothing is written. */
  from: readonly ContainerStatus[];
  to: ContainerStatus;
  patch?: ContainerPatch;
  /** When given, a writer that lost the lease is refused. */
  lease?: Lease;
  /** A job that changes together with the container. */
  job?: { id: string; patch: JobPatch };
  /** A job that is written together with the container. */
  newJob?: JobRow;
}

/** Rows of containers. Those of removed containers (tombstones) are seen by {@link ContainersRepository.tombstones} alone. */
export abstract class ContainersRepository {
  /** Writes the container, its first job and the idempotency key together, or nothing. */
  abstract insert(container: ContainerRow, job: JobRow, key?: IdempotencyKey): Promise<InsertOutcome>;
  abstract findById(id: string): Promise<ContainerRow | null>;
  abstract findByName(name: string): Promise<ContainerRow | null>;
  abstract list(query: ListQuery): Promise<ContainerRow[]>;
  /** Every container of every owner. */
  abstract listAll(): Promise<ContainerRow[]>;
  /** Which of these ids belong to removed containers. */
  abstract tombstones(ids: string[]): Promise<{ id: string; keepVolume: boolean }[]>;
  /** @returns the row as it is now, or null when its status is not in `from` or the lease is lost */
  abstract transition(id: string, transition: Transition): Promise<ContainerRow | null>;
  /** Writes columns and leaves the status. @returns null when the container is gone or the lease is lost */
  abstract update(id: string, patch: ContainerPatch, lease?: Lease): Promise<ContainerRow | null>;
  /** Notes when VS Code was last seen in use; nothing else of the row changes. */
  abstract noteEditorSeen(id: string, at: Date): Promise<void>;
  /** Turns the row into a tombstone without the user's values. */
  abstract tombstone(id: string, lease: Lease): Promise<void>;

  /** @returns null while another holder has it */
  abstract acquireLease(id: string, holder: string, ttlMs: number): Promise<Lease | null>;
  /** @returns false when the lease is lost */
  abstract renewLease(lease: Lease, ttlMs: number): Promise<boolean>;
  abstract releaseLease(lease: Lease): Promise<void>;
  /** Names of all who hold a lease. */
  abstract leaseHolders(): Promise<string[]>;
  /** Frees what a process of this name held before it ended. */
  abstract releaseLeasesOf(holder: string): Promise<void>;

  /** Forgets idempotency keys and tombstones from before `before`. */
  abstract purge(before: { idempotencyKeys: Date; tombstones: Date }): Promise<void>;
}
