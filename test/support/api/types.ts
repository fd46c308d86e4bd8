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

export type CredentialKind = 'anthropic_api_key' | 'claude_oauth_token' | 'git_https_token' | 'ssh_key' | 'http_header';

export type EgressMode = 'open' | 'restricted' | 'none';
export type EgressSet = 'git' | 'model' | 'packages';

export interface EgressRule {
  host: string;
  ports: number[];
}

/** An item of `GET /api/containers/:id/egress/denials`. */
export interface EgressDenial {
  seq: number;
  at: string;
  host: string;
  port: number;
  reason: string;
  attempts: number;
  rule: EgressRule | null;
}

/** What one model was used for. */
export interface ModelSpend {
  model: string;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  webSearches: number;
  answers: number;
  estimatedAnswers: number;
  priced: boolean;
  usd: number;
}

/** The answer to `GET /api/containers/:id/spend`. */
export interface Spend {
  usd: number;
  budgetUsd: number | null;
  metered: boolean;
  byModel: ModelSpend[];
}

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
  /** Ids. */
  credentials?: string[];
  egress?: EgressMode;
  egressAllow?: { host: string; ports?: number[] }[];
  egressSets?: EgressSet[];
  budgetUsd?: number | null;
  image?: string;
  depth?: number;
  submodules?: boolean;
  lfs?: boolean;
  setup?: string;
  packages?: string[];
  /** Cores. */
  cpuLimit?: number;
  /** MiB. */
  memoryLimit?: number;
  /** MiB. */
  diskLimit?: number;
  /** Id or name of a kept volume. */
  volume?: string;
  /** Id. */
  fromSnapshot?: string;
  idleStopMinutes?: number | null;
  ttlMinutes?: number | null;
  waitingStopMinutes?: number | null;
  schedule?: { start?: string | null; stop?: string | null; timeZone?: string } | null;
  env?: Record<string, string>;
}

export interface AgentState {
  active: boolean;
  state: 'none' | 'idle' | 'working' | 'waiting';
  since: string | null;
  waitingFor: { tool: string | null; text: string } | null;
  modelProblem: ModelProblem | null;
}

export interface ModelProblem {
  reason: 'credential_refused' | 'rate_limited' | 'overloaded' | 'failed' | 'unreachable';
  status: number | null;
  at: string;
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
  credentials: { id: string; name: string; kind: CredentialKind }[];
  egress: EgressMode;
  egressAllow: EgressRule[];
  egressSets: EgressSet[];
  budgetUsd: number | null;
  imageReference: string | null;
  depth: number | null;
  submodules: boolean;
  lfs: boolean;
  setup: string | null;
  packages: string[];
  cpuLimit: number;
  memoryLimit: number;
  diskLimit: number;
  idleStopMinutes: number | null;
  ttlMinutes: number | null;
  waitingStopMinutes: number | null;
  schedule: {
    start: string | null;
    stop: string | null;
    timeZone: string;
    nextStart: string | null;
    nextStop: string | null;
  } | null;
  diskLimitEnforced: 'hard' | 'soft';
  volume: string | null;
  fromSnapshot: string | null;
  forkedFrom: string | null;
  pendingChanges: ('name' | 'env' | 'credentials' | 'image' | 'packages')[];
  provisioning: 'warm' | 'cold';
  status: ContainerStatus;
  statusReason: StatusReason | null;
  dockerId: string | null;
  image: string | null;
  editorUrl: string | null;
  editor: { lastSeenAt: string | null } | null;
  agent: AgentState | null;
  waitingStopAt: string | null;
  lastActivityAt: string | null;
  activity: string | null;
  /** The provisioning job, of which {@link Job.id} is certain and the rest may be a summary. */
  job: (Pick<Job, 'id'> & Partial<Job>) | null;
  metrics?: Metrics;
  createdAt: string;
  updatedAt: string;
  startedAt: string | null;
}

/** The body of `POST /api/credentials`. */
export interface CreateCredential {
  name: string;
  kind: CredentialKind;
  value: string;
  host?: string;
  username?: string;
  header?: string;
  projectId?: string;
}

/** What `/api/credentials` shows: never the value. */
export interface Credential {
  id: string;
  name: string;
  kind: CredentialKind;
  projectId: string | null;
  userId: string | null;
  host: string | null;
  username: string | null;
  header: string | null;
  fingerprint: string | null;
  createdBy: string;
  createdAt: string;
  lastUsedAt: string | null;
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
