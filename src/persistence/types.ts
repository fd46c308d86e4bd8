import type { EVERYTHING } from './everything.js';

/** Values of columns, which the API shows unchanged. */
export const TEMPLATES = ['claude', 'vscode', 'both'] as const;
export type Template = (typeof TEMPLATES)[number];

/** How a container came to its workspace: by claiming one that ran already, or by creating it. */
export const PROVISIONING = ['warm', 'cold'] as const;
export type Provisioning = (typeof PROVISIONING)[number];

/** `making` until its files are complete, `ready` to be restored, `ending` while it is removed. */
export type SnapshotState = 'making' | 'ready' | 'ending';

/** Why a snapshot was made: to be kept, or for the copies of a container, with which it ends. */
export type SnapshotPurpose = 'kept' | 'fork';

/** `making` until it runs, `ready` to be claimed, `claimed` by a container, `ending` while it is removed. */
export type WarmWorkspaceState = 'making' | 'ready' | 'claimed' | 'ending';

export const MODES = ['interactive', 'autonomous'] as const;
export type Mode = (typeof MODES)[number];

export const REPO_TYPES = ['empty', 'clone'] as const;
export type RepoType = (typeof REPO_TYPES)[number];

export const CONTAINER_STATUSES = [
  'queued',
  'creating',
  'starting',
  'cloning',
  'running',
  'stopping',
  'stopped',
  'failed',
  'missing',
  'deleting',
] as const;
export type ContainerStatus = (typeof CONTAINER_STATUSES)[number];

/** `hard`: the engine refuses further writes. `soft`: DevForge measures the usage and stops the container at the limit. */
export type DiskLimitEnforcement = 'hard' | 'soft';

/** Values that a running container has from its creation: a change takes effect when it is created anew. */
export const FIXED_AT_CREATION = ['name', 'env', 'credentials', 'image', 'packages'] as const;
export type FixedAtCreation = (typeof FIXED_AT_CREATION)[number];

export interface StatusReason {
  code: string;
  message: string;
}

export type JobName = 'create' | 'clone';
export type JobState = 'queued' | 'active' | 'completed' | 'failed';

export interface JobError {
  code: string;
  message: string;
  /** Whether the same job may succeed when it is retried. */
  retryable: boolean;
  /** Last lines of output of the failed command. */
  output?: string[];
}

export const INSTRUCTION_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'timed_out'] as const;
export type InstructionStatus = (typeof INSTRUCTION_STATUSES)[number];

export const PERMISSION_DECISIONS = ['allow', 'deny'] as const;
export type PermissionDecision = (typeof PERMISSION_DECISIONS)[number];

/**
 * What a credential is: keys and tokens for Claude Code, for Git over HTTPS, a private key for Git over SSH, and a header
 * for any other HTTP host.
 */
export const CREDENTIAL_KINDS = [
  'anthropic_api_key',
  'claude_oauth_token',
  'git_https_token',
  'ssh_key',
  'http_header',
] as const;
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number];

/** What a container may reach: everything, what its rules name, or nothing. */
export const EGRESS_MODES = ['open', 'restricted', 'none'] as const;
export type EgressMode = (typeof EGRESS_MODES)[number];

/** Rules that DevForge finds out: the host of the repository, that of the model's API, those of the package managers. */
export const EGRESS_SETS = ['git', 'model', 'packages'] as const;
export type EgressSet = (typeof EGRESS_SETS)[number];

/** A host name or `*.` and a suffix, with its ports. */
export interface EgressRule {
  host: string;
  ports: number[];
}

export const EGRESS_DENIAL_REASONS = ['not_allowed', 'private_address', 'host_mismatch', 'protocol'] as const;
export type EgressDenialReason = (typeof EGRESS_DENIAL_REASONS)[number];

/** What a budget limits: an instruction, a container, or a project for a day or a month. */
export const BUDGET_KINDS = ['instruction', 'container', 'project_day', 'project_month'] as const;
export type BudgetKind = (typeof BUDGET_KINDS)[number];

/** What the containers of a project may spend on models, in US dollars. What is left out has no limit. */
export interface ProjectBudget {
  day?: number;
  month?: number;
}

/** What a project allows its containers. What is left out is allowed. */
export interface ProjectEgress {
  forbidOpen?: boolean;
}

/** What shows that a container is in use. `processes`: its processes take processor time. */
export const ACTIVITIES = [
  'instruction',
  'agent',
  'terminal',
  'exec',
  'files',
  'editor',
  'preview',
  'processes',
] as const;
export type Activity = (typeof ACTIVITIES)[number];

/** When a container is started and stopped: cron expressions, as of the clocks in a time zone. */
export interface Schedule {
  start: string | null;
  stop: string | null;
  timeZone: string;
}

/** What a member of a project may do; each role includes those before it. */
export const PROJECT_ROLES = ['viewer', 'member', 'owner'] as const;
export type ProjectRole = (typeof PROJECT_ROLES)[number];

/** What a user may do on the server as a whole: an `admin` everything, in all projects; a `user` what its roles allow. */
export const USER_ROLES = ['user', 'admin'] as const;
export type UserRole = (typeof USER_ROLES)[number];

/** The project that exists from the first start. Everything that names no project belongs to it. */
export const DEFAULT_PROJECT = { id: '00000000-0000-4000-8000-000000000001', name: 'default' } as const;

/** What is limited for a project as a whole, as its documentation says it. `project-quotas.ts` counts it. */
export const QUOTAS = {
  containers: { description: 'Containers, stopped ones included.' },
  running: { description: 'Containers that run, or are about to.' },
  cpu: { description: 'Cores of all containers.', decimals: 3 },
  memoryMB: { description: 'MiB of memory of all containers.' },
  diskMB: { description: 'MiB of disk space of all containers.' },
  instructions: { description: 'Instructions that are queued or running.' },
  snapshotMB: { description: 'MiB of all snapshots.' },
} as const satisfies Record<string, { description: string; decimals?: number }>;
export type Quota = keyof typeof QUOTAS;
export const QUOTA_NAMES = Object.keys(QUOTAS) as Quota[];
/** What is left out has no limit. */
export type ProjectQuotas = Partial<Record<Quota, number>>;
export type ProjectUsage = Record<Quota, number>;

/** A quota that a request would exceed. */
export interface ExceededQuota {
  quota: Quota;
  limit: number;
  /** Without the request. */
  used: number;
}

/** What is recorded of what callers do. */
export const AUDIT_ACTIONS = [
  'container.create',
  'container.update',
  'container.start',
  'container.stop',
  'container.egress',
  'container.rebuild',
  'container.delete',
  'container.fork',
  'container.exec',
  'volume.delete',
  'snapshot.create',
  'snapshot.delete',
  'terminal.open',
  'terminal.close',
  'editor.link',
  'editor.open',
  'preview.link',
  'preview.open',
  'file.read',
  'file.archive',
  'file.write',
  'file.unpack',
  'file.delete',
  'instruction.create',
  'instruction.cancel',
  'permission.allow',
  'permission.deny',
  'project.create',
  'project.update',
  'project.delete',
  'member.set',
  'member.remove',
  'api_key.create',
  'api_key.revoke',
  'user.create',
  'user.update',
  'user.delete',
  'user.invite',
  'user.link',
  'invitation.accept',
  'session.create',
  'session.end',
  'credential.create',
  'credential.delete',
  'credential.use',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** `allowed` acts of the database are done; others were about to be done. */
export const AUDIT_OUTCOMES = ['allowed', 'refused'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** What else is known of an act, such as a role: never a secret, a prompt or content. */
export type AuditDetails = Record<string, string | number | boolean>;

/** Ids of the projects that a query may see. Every read of what belongs to projects takes one, so that none forgets it. */
export type Scope = typeof EVERYTHING | readonly string[];

/** For what belongs to a project or to a user, such as credentials: all of it, or that of the projects and of the user. */
export interface HolderScope {
  projects: Scope;
  userId: string | undefined;
}
