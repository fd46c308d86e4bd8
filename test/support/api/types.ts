/**
 * What a client of DevForge sees, written from the contract and not from `src/`, so that a change of the wire
 * shows up in the tests.
 */

export type Template = 'claude' | 'vscode' | 'both';

export type ContainerStatus =
  | 'queued'
  | 'creating'
  | 'starting'
  | 'cloning'
  | 'running'
  | 'stopping'
  | 'stopped'
  | 'failed'
  | 'missing'
  | 'deleting';

export interface StatusReason {
  code: string;
  message: string;
}

/** The body of `POST /api/containers`. */
export interface CreateContainer {
  projectId?: string;
  name: string;
  template: Template;
  mode?: 'interactive' | 'autonomous';
  repoType?: 'empty' | 'clone';
  repoUrl?: string;
  repoBranch?: string;
  sshKeyPath?: string;
  gitName?: string;
  gitEmail?: string;
  /** Cores. */
  cpuLimit?: number;
  /** MiB. */
  memoryLimit?: number;
  /** MiB. */
  diskLimit?: number;
  /** Id or name of a kept volume. */
  volume?: string;
  env?: Record<string, string>;
}

export interface AgentState {
  active: boolean;
  state: 'none' | 'idle' | 'working' | 'waiting';
  since: string | null;
  waitingFor: { tool: string | null; text: string } | null;
}

export interface Metrics {
  containerId: string;
  timestamp: string;
  /** 100 is one core. */
  cpu: { percent: number; limitPercent: number };
  memory: { usedMB: number; limitMB: number; percent: number };
  disk: { usedMB: number; limitMB: number; percent: number };
  network: { rxBytes: number; txBytes: number; rxBytesPerSecond: number; txBytesPerSecond: number };
  pids: number;
  agent: AgentState;
}

export interface Container {
  projectId: string;
  id: string;
  name: string;
  template: Template;
  mode: 'interactive' | 'autonomous';
  repoType: 'empty' | 'clone';
  repoUrl: string | null;
  repoBranch: string | null;
  gitName: string | null;
  gitEmail: string | null;
  cpuLimit: number;
  memoryLimit: number;
  diskLimit: number;
  diskLimitEnforced: 'hard' | 'soft';
  volume: string | null;
  pendingChanges: ('name' | 'env')[];
  status: ContainerStatus;
  statusReason: StatusReason | null;
  dockerId: string | null;
  image: string | null;
  editorUrl: string | null;
  editor: { lastSeenAt: string | null } | null;
  agent: AgentState | null;
  /** The provisioning job, of which {@link Job.id} is certain and the rest may be a summary. */
  job: (Pick<Job, 'id'> & Partial<Job>) | null;
  metrics?: Metrics;
  createdAt: string;
  updatedAt: string;
  startedAt: string | null;
}

/** An item of `GET /api/volumes`. */
export interface Volume {
  id: string;
  name: string;
  containerName: string;
  template: Template;
  keptAt: string;
  attachedTo: string | null;
}

export interface ContainerList {
  items: Container[];
  nextCursor: string | null;
}

export interface Job {
  id: string;
  name: 'create' | 'clone';
  containerId: string;
  state: string;
  step: string | null;
  progress: unknown;
  attempts: number;
  error: unknown;
}

/** `application/problem+json`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  errors?: { field: string; messages: string[] }[];
}
