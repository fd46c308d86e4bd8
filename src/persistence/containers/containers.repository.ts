import type { containers, jobs } from './containers.schema.js';
import type { Activity, AuditAction, ContainerStatus, ExceededQuota, ProjectUsage, Scope, Template } from '../types.js';

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
    | 'provisioning'
    | 'addedEnv'
  >
>;

/** What a new container adds to the usage of its project. */
export function demandOf(
  row: Pick<ContainerRow, 'desiredRunning' | 'cpuLimit' | 'memoryLimit' | 'diskLimit'>,
): Partial<ProjectUsage> {
  const { desiredRunning, cpuLimit: cpu, memoryLimit: memoryMB, diskLimit: diskMB } = row;
  return { containers: 1, running: desiredRunning ? 1 : 0, cpu, memoryMB, diskMB };
}

/** The columns of the spec that a client may change. */
export type SpecPatch = Partial<
  Pick<
    ContainerRow,
    | 'name'
    | 'cpuLimit'
    | 'memoryLimit'
    | 'diskLimit'
    | 'env'
    | 'repoBranch'
    | 'credentials'
    | 'imageReference'
    | 'packages'
    | 'egress'
    | 'egressAllow'
    | 'egressSets'
    | 'idleStopMinutes'
    | 'ttlMinutes'
    | 'waitingStopMinutes'
    | 'schedule'
    | 'scheduleNextAt'
    | 'budgetUsd'
    | 'pendingChanges'
  >
>;

/** What a change of limits adds to the usage of the container's project; negative where they shrink. */
export function growthOf(row: ContainerRow, patch: SpecPatch): Partial<ProjectUsage> {
  return {
    cpu: (patch.cpuLimit ?? row.cpuLimit) - row.cpuLimit,
    memoryMB: (patch.memoryLimit ?? row.memoryLimit) - row.memoryLimit,
    diskMB: (patch.diskLimit ?? row.diskLimit) - row.diskLimit,
  };
}

/** A workspace volume that outlived its container, or is attached to another one since. */
export interface KeptVolume {
  /** Id of the container that it was created with. */
  id: string;
  projectId: string;
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
  scope: Scope;
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
  | { kind: 'project_not_found' }
  | { kind: 'volume_not_found' }
  | { kind: 'volume_in_use' }
  | { kind: 'snapshot_not_found' }
  /** One of its credentials is gone. */
  | { kind: 'credential_not_found' }
  | { kind: 'queue_full' }
  /** Its egress is `open`, which the project forbids. */
  | { kind: 'open_forbidden' };

export type SpecConflict = 'name_taken' | 'credential_not_found';

/** How many containers of the owner may be in these states, with the new one. */
export interface QueueLimit {
  states: readonly ContainerStatus[];
  max: number;
}

/** A container that is created, started or changed, or an instruction, would exceed a quota of its project. Nothing was written. */
export class QuotaExceededError extends Error {
  constructor(readonly exceeded: ExceededQuota) {
    super(`The quota "${exceeded.quota}" of the project is ${exceeded.limit}, and ${exceeded.used} is used already.`);
  }
}

export interface Transition {
  /** The statuses that allow the transition; in any other nothing is written. */
  from: readonly ContainerStatus[];
  to: ContainerStatus;
  patch?: ContainerPatch;
  /** Nothing is written when there was activity after this time. */
  quietSince?: Date;
  /** Nothing is written when this lease is lost. */
  lease?: Lease;
  /** A job that is updated in the same transaction. */
  job?: { id: string; patch: JobPatch };
  /** A job that is inserted in the same transaction. */
  newJob?: JobRow;
  /** What the transition is for the caller who asked for it; recorded in the same transaction. */
  audit?: AuditAction;
}

/** Rows of containers. Only {@link ContainersRepository.tombstones} returns those of removed containers. */
export abstract class ContainersRepository {
  /**
   * Inserts the container, its first job and the idempotency key in one transaction.
   * @throws QuotaExceededError
   */
  abstract insert(
    container: ContainerRow,
    job: JobRow,
    key?: IdempotencyKey,
    queue?: QueueLimit,
  ): Promise<InsertOutcome>;
  /**
   * Whether a project may use that much more now; {@link insert} and the others that need it decide.
   * @throws QuotaExceededError
   */
  abstract requireQuota(projectId: string, more: Partial<ProjectUsage>): Promise<void>;
  /** Containers of an owner that are in one of the states. */
  abstract countInStates(ownerId: string, states: readonly ContainerStatus[]): Promise<number>;
  abstract findById(id: string, scope: Scope): Promise<ContainerRow | null>;
  /** Those of the name in the given projects, which is at most one for each project. */
  abstract findByName(name: string, scope: Scope): Promise<ContainerRow[]>;
  /** Those that have one of the references as their id, or as their name in the given project. */
  abstract findByIdsOrNames(references: string[], projectId: string): Promise<ContainerRow[]>;
  abstract list(query: ListQuery): Promise<ContainerRow[]>;
  /** All containers of all projects. */
  abstract listAll(): Promise<ContainerRow[]>;
  /** Those of the ids that belong to removed containers. */
  abstract tombstones(ids: string[]): Promise<{ id: string; keepVolume: boolean }[]>;
  /**
   * @returns the new row, or null when its status is not in `from` or the lease is lost
   * @throws QuotaExceededError when the container begins to count as running
   */
  abstract transition(id: string, transition: Transition): Promise<ContainerRow | null>;
  /** Writes columns other than the status. @returns the new row, or null when it is removed or the lease is lost */
  abstract update(id: string, patch: ContainerPatch, lease?: Lease): Promise<ContainerRow | null>;
  /**
   * Changes the spec. Limits may shrink even where a quota is exceeded.
   * @returns the new row, null when it is removed or the lease is lost, `name_taken` when another container has the name,
   *   `credential_not_found` when one of the credentials is gone
   * @throws QuotaExceededError
   */
  abstract changeSpec(
    id: string,
    patch: SpecPatch,
    lease: Lease,
    action?: AuditAction,
  ): Promise<ContainerRow | null | SpecConflict>;
  /** The volumes that were kept of removed containers in the given projects, latest first. */
  abstract keptVolumes(scope: Scope): Promise<KeptVolume[]>;
  /** Marks a kept volume as no longer wanted, so that it is swept. */
  abstract releaseVolume(id: string): Promise<'released' | 'not_found' | 'in_use'>;
  /** Records activity in VS Code unless later activity is recorded already. Leaves `updatedAt` unchanged. */
  abstract noteEditorSeen(id: string, at: Date): Promise<void>;
  /**
   * Records activity unless later activity is recorded already. Leaves `updatedAt` unchanged.
   * @returns the status of the container at that time, or null when it is removed
   */
  abstract noteActivity(id: string, activity: Activity, at: Date): Promise<ContainerStatus | null>;
  /** The containers of all projects whose schedule asks for something by that time, or has not been looked at yet. */
  abstract listScheduled(by: Date): Promise<ContainerRow[]>;
  /**
   * Notes that a schedule was followed. Leaves `updatedAt` unchanged.
   * @param from what `scheduleNextAt` is now
   * @param to when it asks for something next
   * @returns false when the schedule was followed or changed meanwhile
   */
  abstract settleSchedule(id: string, from: Date | null, to: Date): Promise<boolean>;
  /** The running containers of all projects that stop by themselves at some time. */
  abstract listStoppingByThemselves(): Promise<ContainerRow[]>;
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
