import { randomUUID } from 'node:crypto';
import type { ContainerRow, JobRow } from '../../src/persistence/containers/containers.repository.js';
import { DEFAULT_PROJECT } from '../../src/persistence/types.js';
import type { InstructionRow, NewInstruction } from '../../src/persistence/instructions/instructions.repository.js';
import type { ProjectRow } from '../../src/persistence/auth/projects.repository.js';
import type { UserRow } from '../../src/persistence/auth/users/users.repository.js';
import type { SnapshotRow } from '../../src/persistence/snapshots/snapshots.repository.js';

/** Without a fraction of a millisecond, which the database does not store. */
export const T0 = new Date('2026-01-02T03:04:05.678Z');

export function projectRow(overrides: Partial<ProjectRow> = {}): ProjectRow {
  return {
    id: randomUUID(),
    name: `p-${randomUUID().slice(0, 8)}`,
    quotas: {},
    egress: {},
    budgetUsd: {},
    allowedImages: null,
    createdAt: T0,
    ...overrides,
  };
}

/** A running container with the given values. */
export function userRow(overrides: Partial<UserRow> = {}): UserRow {
  const id = randomUUID();
  return {
    id,
    email: `${id}@example.org`,
    name: 'Ada',
    role: 'user',
    passwordHash: null,
    createdAt: T0,
    disabledAt: null,
    lastSignInAt: null,
    ...overrides,
  };
}

export function snapshotRow(overrides: Partial<SnapshotRow> = {}): SnapshotRow {
  return {
    id: randomUUID(),
    ownerId: 'admin',
    projectId: DEFAULT_PROJECT.id,
    containerId: randomUUID(),
    containerName: 'origin',
    template: 'claude',
    repoType: 'empty',
    repoUrl: null,
    repoBranch: null,
    state: 'making',
    purpose: 'kept',
    holder: 'me',
    bytes: 0,
    pausedMs: 0,
    createdAt: T0,
    ...overrides,
  };
}

export function containerRow(overrides: Partial<ContainerRow> = {}): ContainerRow {
  const id = overrides.id ?? randomUUID();
  return {
    id,
    ownerId: 'admin',
    projectId: DEFAULT_PROJECT.id,
    name: `test-${id.slice(0, 8)}`,
    template: 'both',
    mode: 'interactive',
    repoType: 'empty',
    repoUrl: null,
    repoBranch: null,
    sshKeyPath: null,
    gitName: null,
    gitEmail: null,
    cpuLimit: 2,
    memoryLimit: 2048,
    imageReference: null,
    depth: null,
    submodules: false,
    lfs: false,
    setup: null,
    packages: [],
    diskLimit: 10_240,
    idleStopMinutes: null,
    ttlMinutes: null,
    waitingStopMinutes: null,
    schedule: null,
    scheduleNextAt: null,
    env: {},
    credentials: [],
    egress: 'open',
    egressAllow: [],
    egressSets: [],
    budgetUsd: null,
    status: 'running',
    statusReason: null,
    desiredRunning: true,
    diskLimitEnforced: 'soft',
    runtimeId: `docker-${id}`,
    image: 'devforge/workspace-both:test',
    jobId: null,
    workspaceReady: true,
    keepVolume: false,
    dataId: null,
    snapshotId: null,
    forkedFrom: null,
    forkBranch: null,
    recreate: false,
    pendingChanges: [],
    provisioning: 'cold',
    addedEnv: null,
    leaseHolder: null,
    leaseExpiresAt: null,
    fence: 0,
    createdAt: T0,
    updatedAt: T0,
    startedAt: null,
    editorLastSeenAt: null,
    lastActivityAt: null,
    activity: null,
    deletedAt: null,
    ...overrides,
  };
}

/** A queued `create` job with the given values. */
export function jobRow(
  container: Pick<ContainerRow, 'id' | 'ownerId' | 'projectId'>,
  overrides: Partial<JobRow> = {},
): JobRow {
  return {
    id: randomUUID(),
    ownerId: container.ownerId,
    projectId: container.projectId,
    containerId: container.id,
    name: 'create',
    state: 'queued',
    step: null,
    progress: 0,
    message: null,
    attempts: 0,
    failures: 0,
    error: null,
    createdAt: T0,
    updatedAt: T0,
    finishedAt: null,
    ...overrides,
  };
}

/** A queued instruction with the given values. */
export function newInstruction(
  container: Pick<ContainerRow, 'id' | 'ownerId' | 'projectId'>,
  overrides: Partial<NewInstruction> = {},
): NewInstruction {
  return {
    id: randomUUID(),
    ownerId: container.ownerId,
    projectId: container.projectId,
    containerId: container.id,
    prompt: 'Say hello.',
    resumeSessionId: null,
    continueLatest: false,
    model: null,
    maxTurns: null,
    maxBudgetUsd: null,
    budgetUsd: null,
    timeoutSeconds: null,
    createdAt: T0,
    ...overrides,
  };
}

/** A running instruction with the given values. */
export function instructionRow(overrides: Partial<InstructionRow> = {}): InstructionRow {
  const container = { id: overrides.containerId ?? randomUUID(), ownerId: 'admin', projectId: DEFAULT_PROJECT.id };
  return {
    ...newInstruction(container),
    position: 1,
    status: 'running',
    statusReason: null,
    exceededBudget: null,
    cancelRequestedAt: null,
    sessionId: null,
    result: null,
    costUsd: null,
    costEstimated: false,
    turns: null,
    usage: null,
    diffBytes: null,
    diffTruncated: false,
    diffFiles: null,
    diffInsertions: null,
    diffDeletions: null,
    lastSeq: 0,
    eventOffset: 0,
    leaseHolder: 'me',
    leaseExpiresAt: null,
    fence: 1,
    startedAt: T0,
    finishedAt: null,
    ...overrides,
  };
}
