import { createHash } from 'node:crypto';
import type { UsageRecord } from '../workspace-usage.js';
import type { SpendingRules } from '../workspace-spend.js';
import { NO_SECRETS, OPEN_EGRESS, type WorkspaceSecrets } from '../workspace-egress.js';
import type { ObservedWorkspace, WorkspaceSpec } from '../workspace.js';
import { FakeLog } from './fake-log.js';

/** A workspace in memory, for a test to inspect and to change. */
export interface FakeWorkspace extends ObservedWorkspace {
  spec: WorkspaceSpec;
  /** What its main process has written so far. */
  log: FakeLog;
  usage: Omit<UsageRecord, 'at' | 'monotonicMs'>;
  claudeProcesses: number[] | undefined;
  diskBytes: number;
  address: string | null;
  /** What its Git agent holds: null while there is no agent. */
  gitKey: Buffer | null;
  /** What the gateway adds to its requests. */
  secrets: WorkspaceSecrets;
  /** How its answers are counted. */
  spending: SpendingRules | undefined;
  /** Id of the workspace whose files were restored in it, if any. */
  filesOf: string | null;
  /** Whether it has an interface; one that is opened gets it when it starts. */
  hasNetwork: boolean;
  /** Created by a release without egress policies. */
  outdated: boolean;
}

/** @param incarnation how often this driver has created a workspace, so that ids of engine objects differ */
export function newFakeWorkspace(spec: WorkspaceSpec, incarnation: number): FakeWorkspace {
  return {
    id: spec.id,
    runtimeId: createHash('sha256').update(`${spec.id} ${incarnation}`).digest('hex'),
    image: spec.image,
    state: 'created',
    exitCode: 0,
    oomKilled: false,
    startedAt: null,
    finishedAt: null,
    spec,
    log: new FakeLog(),
    usage: { cpuSeconds: 0, memoryBytes: 0, rxBytes: 0, txBytes: 0, pids: 1 },
    claudeProcesses: [],
    diskBytes: 0,
    address: '192.0.2.2',
    gitKey: null,
    secrets: NO_SECRETS,
    spending: undefined,
    filesOf: null,
    hasNetwork: false,
    outdated: false,
  };
}

/** A spec with everything that most tests do not care about. */
export function fakeSpec(overrides: Partial<WorkspaceSpec> = {}): WorkspaceSpec {
  return {
    id: 'c1',
    hostname: 'c1',
    image: 'image',
    env: {},
    limits: { cpus: 1, memoryMiB: 128, diskMiB: 1_024, pids: 64 },
    readGitKey: null,
    egress: OPEN_EGRESS,
    ...overrides,
  };
}

export function isUp({ state }: Pick<ObservedWorkspace, 'state'>): boolean {
  return state === 'running' || state === 'paused';
}
