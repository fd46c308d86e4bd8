import { and, isNotNull, isNull, sql, type SQL } from 'drizzle-orm';
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { apiKeys, projects } from '../auth/auth.schema.js';
import { sessions } from '../auth/users/sessions.schema.js';
import { timestamptz } from '../columns.js';
import {
  DEFAULT_PROJECT,
  type Activity,
  type ContainerStatus,
  type DiskLimitEnforcement,
  type EgressMode,
  type EgressRule,
  type EgressSet,
  type FixedAtCreation,
  type JobError,
  type JobName,
  type JobState,
  type Mode,
  type Provisioning,
  type RepoType,
  type Schedule,
  type StatusReason,
  type Template,
} from '../types.js';

/**
 * The spec of each container and its last observed status. The row of a removed container stays as a tombstone, by which
 * the sweeper recognises engine objects that were left behind.
 */
export const containers = pgTable(
  'containers',
  {
    id: uuid('id').primaryKey(),
    /** Id of the principal that created it. */
    ownerId: text('owner_id').notNull(),
    /** A tombstone goes to the default project when its own is removed. */
    projectId: uuid('project_id')
      .notNull()
      .default(DEFAULT_PROJECT.id)
      .references(() => projects.id, { onDelete: 'set default' }),
    name: text('name').notNull(),
    template: text('template').$type<Template>().notNull(),
    mode: text('mode').$type<Mode>().notNull(),
    /** The image that its programs are laid over; null for the one of its template. */
    imageReference: text('image_reference'),
    /** Packages of its distribution that are installed in its image. */
    packages: jsonb('packages').$type<string[]>().notNull().default([]),
    repoType: text('repo_type').$type<RepoType>().notNull(),
    repoUrl: text('repo_url'),
    repoBranch: text('repo_branch'),
    /** How many commits are cloned; null for all. */
    depth: integer('clone_depth'),
    submodules: boolean('submodules').notNull().default(false),
    lfs: boolean('lfs').notNull().default(false),
    /** A command that prepares the workspace, once, after the clone. */
    setup: text('setup'),
    sshKeyPath: text('ssh_key_path'),
    gitName: text('git_name'),
    gitEmail: text('git_email'),
    cpuLimit: doublePrecision('cpu_limit').notNull(),
    memoryLimit: integer('memory_limit').notNull(),
    diskLimit: integer('disk_limit').notNull(),
    /** It is stopped after so long without activity; null for never. */
    idleStopMinutes: integer('idle_stop_minutes'),
    /** It is stopped so long after its start; null for never. */
    ttlMinutes: integer('ttl_minutes'),
    /** It is stopped after its agent has waited so long for a person; null for never. */
    waitingStopMinutes: integer('waiting_stop_minutes'),
    schedule: jsonb('schedule').$type<Schedule>(),
    /** When the schedule asks for something next; null until that is known. */
    scheduleNextAt: timestamptz('schedule_next_at'),
    env: jsonb('env').$type<Record<string, string>>().notNull(),
    /** Ids of the credentials that it may use; those that are gone have no effect. */
    credentials: uuid('credential_ids')
      .array()
      .notNull()
      .default(sql`'{}'::uuid[]`),
    egress: text('egress').$type<EgressMode>().notNull().default('open'),
    /** Of `restricted` ones, beside what the sets stand for. */
    egressAllow: jsonb('egress_allow').$type<EgressRule[]>().notNull().default([]),
    egressSets: jsonb('egress_sets').$type<EgressSet[]>().notNull().default([]),
    /** What it may spend on models in all, in US dollars. */
    budgetUsd: doublePrecision('budget_usd'),

    status: text('status').$type<ContainerStatus>().notNull(),
    statusReason: jsonb('status_reason').$type<StatusReason>(),
    /** Whether the container should run; the reconciler works towards it. */
    desiredRunning: boolean('desired_running').notNull(),
    diskLimitEnforced: text('disk_limit_enforced').$type<DiskLimitEnforcement>().notNull(),
    runtimeId: text('docker_id'),
    /** What its workspace runs. */
    image: text('image'),
    jobId: uuid('job_id'),
    /** Whether the repository is cloned, or none was requested. */
    workspaceReady: boolean('workspace_ready').notNull(),
    keepVolume: boolean('keep_volume').notNull().default(false),
    /** The removed container whose workspace volume this one has; null for one of its own. */
    dataId: uuid('data_id'),
    /** The snapshot whose files it began with. */
    snapshotId: uuid('snapshot_id'),
    /** The container that it is a copy of. */
    forkedFrom: uuid('forked_from'),
    /** The branch that a copy begins on. */
    forkBranch: text('fork_branch'),
    /** The next `create` job replaces the engine's container, whatever state it is in. */
    recreate: boolean('recreate').notNull().default(false),
    /** Changed values that the engine's container does not have yet. */
    pendingChanges: jsonb('pending_changes').$type<FixedAtCreation[]>().notNull().default([]),

    provisioning: text('provisioning').$type<Provisioning>().notNull().default('cold'),
    /** Environment that the engine's container was not created with, if it was created ahead. */
    addedEnv: jsonb('added_env').$type<Record<string, string>>(),

    /** The lease on the container and its fencing number; a write with an older number is refused. */
    leaseHolder: text('lease_holder'),
    leaseExpiresAt: timestamptz('lease_expires_at'),
    fence: bigint('fence', { mode: 'number' }).notNull().default(0),

    createdAt: timestamptz('created_at').notNull(),
    updatedAt: timestamptz('updated_at').notNull(),
    startedAt: timestamptz('started_at'),
    /** Last activity of a user in VS Code. */
    editorLastSeenAt: timestamptz('editor_last_seen_at'),
    /** Latest activity of any kind. */
    lastActivityAt: timestamptz('last_activity_at'),
    activity: text('activity').$type<Activity>(),
    deletedAt: timestamptz('deleted_at'),
  },
  (table) => [
    uniqueIndex('containers_name')
      .on(table.name, table.projectId)
      .where(sql`deleted_at is null`),
    // A volume belongs to one container at a time.
    uniqueIndex('containers_data')
      .on(table.dataId)
      .where(sql`deleted_at is null`),
    // Only those that are being made are counted by their owner.
    index('containers_provisioning')
      .on(table.ownerId)
      .where(sql`deleted_at is null and status in ('queued', 'creating', 'starting', 'cloning')`),
    index('containers_schedule')
      .on(table.scheduleNextAt)
      .where(sql`deleted_at is null and schedule is not null`),
    index('containers_project')
      .on(table.projectId, table.createdAt, table.id)
      .where(sql`deleted_at is null`),
  ],
);

export const jobs = pgTable(
  'jobs',
  {
    id: uuid('id').primaryKey(),
    ownerId: text('owner_id').notNull(),
    projectId: uuid('project_id').notNull().default(DEFAULT_PROJECT.id),
    containerId: uuid('container_id')
      .notNull()
      .references(() => containers.id, { onDelete: 'cascade' }),
    name: text('name').$type<JobName>().notNull(),
    state: text('state').$type<JobState>().notNull(),
    step: text('step'),
    /** Percentage of the whole job. */
    progress: integer('progress').notNull().default(0),
    /** Latest line of output of the step: of git, or of the image build. */
    message: text('message'),
    /** Number of starts, including those of workers that died. */
    attempts: integer('attempts').notNull().default(0),
    /** Number of failures; the job fails for good at the maximum. */
    failures: integer('failures').notNull().default(0),
    error: jsonb('error').$type<JobError>(),
    createdAt: timestamptz('created_at').notNull(),
    updatedAt: timestamptz('updated_at').notNull(),
    finishedAt: timestamptz('finished_at'),
  },
  (table) => [index('jobs_container').on(table.containerId)],
);

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    ownerId: text('owner_id').notNull(),
    /** What the key was used for: `containers`, or the instructions of a container. */
    scope: text('scope').notNull().default('containers'),
    key: text('key').notNull(),
    bodyHash: text('body_hash').notNull(),
    /** The keys of a container are deleted with it. */
    containerId: uuid('container_id').notNull(),
    instructionId: uuid('instruction_id'),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.ownerId, table.scope, table.key] }),
    index('idempotency_keys_created').on(table.createdAt),
  ],
);

/** One-time tickets that sign a browser in to VS Code or a port of a container. */
export const signInTickets = pgTable('sign_in_tickets', {
  /** SHA-256 of the ticket, so that the table does not contain usable tickets. */
  hash: text('hash').primaryKey(),
  containerId: uuid('container_id')
    .notNull()
    .references(() => containers.id, { onDelete: 'cascade' }),
  /** null for VS Code. */
  port: integer('port'),
  /** The API key that asked for it, without which it is void; null for the administrator. */
  apiKeyId: text('api_key_id').references(() => apiKeys.id, { onDelete: 'cascade' }),
  /** The session that it was asked for with, if any. */
  sessionId: text('session_id').references(() => sessions.id, { onDelete: 'cascade' }),
  expiresAt: timestamptz('expires_at').notNull(),
});

/** The rows that stand for kept volumes. */
export function keptVolume(...conditions: (SQL | undefined)[]): SQL | undefined {
  return and(containers.keepVolume, isNotNull(containers.deletedAt), isNull(containers.dataId), ...conditions);
}
