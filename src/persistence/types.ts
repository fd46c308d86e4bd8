/** Values of columns, which the API shows unchanged. */
export const TEMPLATES = ['claude', 'vscode', 'both'] as const;
export type Template = (typeof TEMPLATES)[number];

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
export const FIXED_AT_CREATION = ['name', 'env'] as const;
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

/** What a member of a project may do; each role includes those before it. */
export const PROJECT_ROLES = ['viewer', 'member', 'owner'] as const;
export type ProjectRole = (typeof PROJECT_ROLES)[number];

/** What a user may do on the server as a whole: an `admin` everything, in all projects; a `user` what its roles allow. */
export const USER_ROLES = ['user', 'admin'] as const;
export type UserRole = (typeof USER_ROLES)[number];

/** The project that exists from the first start. Everything that names no project belongs to it. */
export const DEFAULT_PROJECT = { id: '00000000-0000-4000-8000-000000000001', name: 'default' } as const;

/** What is limited for the containers of a project together: their number, those that run, cores, MiB of memory and disk. */
export const QUOTAS = ['containers', 'running', 'cpu', 'memoryMB', 'diskMB'] as const;
export type Quota = (typeof QUOTAS)[number];
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
  'container.rebuild',
  'container.delete',
  'container.exec',
  'volume.delete',
  'terminal.open',
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
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** `allowed` acts of the database are done; others were about to be done. */
export const AUDIT_OUTCOMES = ['allowed', 'refused'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** What else is known of an act, such as a role: never a secret, a prompt or content. */
export type AuditDetails = Record<string, string | number | boolean>;

/** Ids of the projects that a query may see. */
export type Scope = 'all' | readonly string[];
