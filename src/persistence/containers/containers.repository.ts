import type { containers, jobs } from './containers.schema.js';
import type { ContainerStatus, Template } from '../types.js';

export type ContainerRow = typeof containers.$inferSelect;
export type JobRow = typeof jobs.$inferSelect;
export type JobPatch = Partial<
  Pick<JobRow, 'state' | 'step' | 'progress' | 'message' | 'attempts' | 'failures' | 'error' | 'finishedAt'>
>;

/** The columns that may change, without the status and those of the lease. */
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
    | 'recreate'
    | 'pendingChanges'
  >
>;

/** The columns of the spec that a client may change. */
export type SpecPatch = Partial<
  Pick<ContainerRow, 'name' | 'cpuLimit' | 'memoryLimit' | 'diskLimit' | 'env' | 'repoBranch' | 'pendingChanges'>
>;

/** A workspace volume that outlived its container, or is attached to another one since. */
export interface KeptVolume {
  /** Id of the container that it was created with. */
  id: string;
  /** Name of that container. */
  containerName: string;
  template: Template;
  keptAt: Date;
  /** The container that has it now. */
  attachedTo: string | null;
}

/** The exclusive right to work on a container. `fence` increases with every lease; a write with an older one is refused. */
export interface Lease {
  containerId: string;
  holder: string;
  fence: number;
}

export interface IdempotencyKey {
  key: string;
  /** Hash of the request body. */
  bodyHash: string;
}

export interface ListQuery {
  ownerId: string;
  status?: ContainerStatus;
  template?: Template;
  limit: number;
  /** Position of the last container of the previous page. */
  after?: { createdAt: Date; id: string };
}

export type InsertOutcome =
  | { kind: 'inserted' }
  /** The key was used before with the same body. */
  | { kind: 'replayed'; containerId: string }
  /** The key was used before with another body. */
  | { kind: 'key_reused' }
  | { kind: 'name_taken' }
  | { kind: 'volume_not_found' }
  | { kind: 'volume_in_use' };

export interface Transition {
  /** The statuses that allow the transition; in any other nothing is written. */
  from: readonly ContainerStatus[];
  to: ContainerStatus;
  patch?: ContainerPatch;
  /** Nothing is written when this lease is lost. */
  lease?: Lease;
  /** A job that is updated in the same transaction. */
  job?: { id: string; patch: JobPatch };
  /** A job that is inserted in the same transaction. */
  newJob?: JobRow;
}

/** Rows of containers. Only {@link ContainersRepository.tombstones} returns those of removed containers. */
export abstract class ContainersRepository {
  /** Inserts the container, its first job and the idempotency key in one transaction. */
  abstract insert(container: ContainerRow, job: JobRow, key?: IdempotencyKey): Promise<InsertOutcome>;
  abstract findById(id: string): Promise<ContainerRow | null>;
  abstract findByName(name: string): Promise<ContainerRow | null>;
  abstract list(query: ListQuery): Promise<ContainerRow[]>;
  /** All containers of all owners. */
  abstract listAll(): Promise<ContainerRow[]>;
  /** Those of the ids that belong to removed containers. */
  abstract tombstones(ids: string[]): Promise<{ id: string; keepVolume: boolean }[]>;
  /** @returns the new row, or null when its status is not in `from` or the lease is lost */
  abstract transition(id: string, transition: Transition): Promise<ContainerRow | null>;
  /** Writes columns other than the status. @returns the new row, or null when it is removed or the lease is lost */
  abstract update(id: string, patch: ContainerPatch, lease?: Lease): Promise<ContainerRow | null>;
  /**
   * Changes the spec.
   * @returns the new row, null when it is removed or the lease is lost, `name_taken` when another container has the name
   */
  abstract changeSpec(id: string, patch: SpecPatch, lease: Lease): Promise<ContainerRow | null | 'name_taken'>;
  /** The volumes that were kept of removed containers, latest first. */
  abstract keptVolumes(ownerId: string): Promise<KeptVolume[]>;
  /** Marks a kept volume as no longer wanted, so that it is swept. */
  abstract releaseVolume(id: string, ownerId: string): Promise<'released' | 'not_found' | 'in_use'>;
  /** Records activity in VS Code unless later activity is recorded already. Leaves `updatedAt` unchanged. */
  abstract noteEditorSeen(id: string, at: Date): Promise<void>;
  /**
   * Turns the row into a tombstone: removes the values of its user, its jobs, instructions and idempotency keys. An
   * attached volume that is not kept is released.
   */
  abstract tombstone(id: string, lease: Lease): Promise<void>;

  /** @returns null while the container is leased, even to the same holder */
  abstract acquireLease(id: string, holder: string, ttlMs: number): Promise<Lease | null>;
  /** @returns false when the lease is lost */
  abstract renewLease(lease: Lease, ttlMs: number): Promise<boolean>;
  abstract releaseLease(lease: Lease): Promise<void>;
  /** The holders of all leases. */
  abstract leaseHolders(): Promise<string[]>;
  /** Releases all leases of a holder, for a process that has ended. */
  abstract releaseLeasesOf(holder: string): Promise<void>;

  /** Deletes idempotency keys, and tombstones without a kept volume, that are older than the given times. */
  abstract purge(before: { idempotencyKeys: Date; tombstones: Date }): Promise<void>;
}
