import type { Principal } from '../../auth/principal.js';
import type { EgressChoice } from '../../egress/egress-policies.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { toSchedule } from '../dto/schedule.dto.js';
import type { CreateContainerDto } from '../dto/create-container.dto.js';

/** Where the files of a new container come from, if it does not begin with none or with a clone. */
export type Origin = Pick<
  ContainerRow,
  'snapshotId' | 'forkedFrom' | 'forkBranch' | 'repoType' | 'repoUrl' | 'repoBranch'
> &
  Partial<Pick<ContainerRow, 'depth' | 'submodules' | 'lfs' | 'setup'>>;

/** What is known of a new container besides what was asked for. */
export interface NewContainer extends EgressChoice {
  id: string;
  jobId: string;
  projectId: string;
  /** Whose files it gets; null for new ones. */
  dataId: string | null;
  /** null for never. */
  idleStopMinutes: number | null;
  origin: Origin | null;
  now: Date;
}

export function newContainer(principal: Principal, dto: CreateContainerDto, made: NewContainer): ContainerRow {
  const { now, origin, ...found } = made;
  return {
    ...found,
    ownerId: principal.id,
    name: dto.name,
    template: dto.template,
    imageReference: dto.image ?? null,
    packages: dto.packages ?? [],
    mode: dto.mode,
    repoType: dto.repoType,
    repoUrl: dto.repoUrl ?? null,
    repoBranch: dto.repoBranch ?? null,
    depth: dto.depth ?? null,
    submodules: dto.submodules ?? false,
    lfs: dto.lfs ?? false,
    setup: dto.setup ?? null,
    snapshotId: null,
    forkedFrom: null,
    forkBranch: null,
    ...origin,
    sshKeyPath: dto.sshKeyPath ?? null,
    gitName: dto.gitName ?? null,
    gitEmail: dto.gitEmail ?? null,
    cpuLimit: dto.cpuLimit,
    memoryLimit: dto.memoryLimit,
    diskLimit: dto.diskLimit,
    ttlMinutes: dto.ttlMinutes ?? null,
    waitingStopMinutes: dto.waitingStopMinutes ?? null,
    schedule: toSchedule(dto.schedule ?? null),
    scheduleNextAt: null,
    env: dto.env,
    credentials: dto.credentials ?? [],
    budgetUsd: dto.budgetUsd ?? null,
    status: 'queued',
    statusReason: null,
    desiredRunning: true,
    diskLimitEnforced: 'soft',
    runtimeId: null,
    image: null,
    workspaceReady: false,
    keepVolume: false,
    recreate: false,
    pendingChanges: [],
    provisioning: 'cold',
    addedEnv: null,
    leaseHolder: null,
    leaseExpiresAt: null,
    fence: 0,
    createdAt: now,
    updatedAt: now,
    startedAt: null,
    editorLastSeenAt: null,
    lastActivityAt: null,
    activity: null,
    deletedAt: null,
  };
}
