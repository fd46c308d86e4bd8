import { sql } from 'drizzle-orm';
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
import { timestamptz } from '../columns.js';
import type {
  ContainerStatus,
  DiskLimitEnforcement,
  JobError,
  JobName,
  JobState,
  Mode,
  RepoType,
  StatusReason,
  Template,
} from '../types.js';

/** What was asked for, and the status last seen. A row outlives its container as a tombstone, so that leftovers are known as ours. */
export const containers = pgTable(
  'containers',
  {
    id: uuid('id').primaryKey(),
    ownerId: text('owner_id').notNull(),
    name: text('name').notNull(),
    template: text('template').$type<Template>().notNull(),
    mode: text('mode').$type<Mode>().notNull(),
    repoType: text('repo_type').$type<RepoType>().notNull(),
    repoUrl: text('repo_url'),
    repoBranch: text('repo_branch'),
    sshKeyPath: text('ssh_key_path'),
    cpuLimit: doublePrecision('cpu_limit').notNull(),
    memoryLimit: integer('memory_limit').notNull(),
    diskLimit: integer('disk_limit').notNull(),
    env: jsonb('env').$type<Record<string, string>>().notNull(),

    status: text('status').$type<ContainerStatus>().notNull(),
    statusReason: jsonb('status_reason').$type<StatusReason>(),
    /** Whether it shall run; what the reconciler works towards. */
    desiredRunning: boolean('desired_running').notNull(),
    diskLimitEnforced: text('disk_limit_enforced').$type<DiskLimitEnforcement>().notNull(),
    runtimeId: text('docker_id'),
    image: text('image'),
    jobId: uuid('job_id'),
    /** The repository is in the workspace, or none was asked for. */
    workspaceReady: boolean('workspace_ready').notNull(),
    keepVolume: boolean('keep_volume').notNull().default(false),

    /** Who works on it, until when, and how often that changed hands: a writer with an older fence is refused. */
    leaseHolder: text('lease_holder'),
    leaseExpiresAt: timestamptz('lease_expires_at'),
    fence: bigint('fence', { mode: 'number' }).notNull().default(0),

    createdAt: timestamptz('created_at').notNull(),
    updatedAt: timestamptz('updated_at').notNull(),
    startedAt: timestamptz('started_at'),
    /** When somebody was last seen to work in VS Code. */
    editorLastSeenAt: timestamptz('editor_last_seen_at'),
    deletedAt: timestamptz('deleted_at'),
  },
  (table) => [
    uniqueIndex('containers_name')
      .on(table.name)
      .where(sql`deleted_at is null`),
    index('containers_owner')
      .on(table.ownerId, table.createdAt, table.id)
      .where(sql`deleted_at is null`),
  ],
);

export const jobs = pgTable(
  'jobs',
  {
    id: uuid('id').primaryKey(),
    ownerId: text('owner_id').notNull(),
    containerId: uuid('container_id')
      .notNull()
      .references(() => containers.id, { onDelete: 'cascade' }),
    name: text('name').$type<JobName>().notNull(),
    state: text('state').$type<JobState>().notNull(),
    step: text('step'),
    /** Percent of the whole job. */
    progress: integer('progress').notNull().default(0),
    /** What the step is doing, in its own words: a line of git or of the image build. */
    message: text('message'),
    /** How often it was started; a worker that died counts here. */
    attempts: integer('attempts').notNull().default(0),
    /** How often it failed; at the last one allowed it is over. */
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
    /** What was asked for: the same key for something else is another key. */
    scope: text('scope').notNull().default('containers'),
    key: text('key').notNull(),
    bodyHash: text('body_hash').notNull(),
    /** With the container its keys go. */
    containerId: uuid('container_id').notNull(),
    instructionId: uuid('instruction_id'),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.ownerId, table.scope, table.key] }),
    index('idempotency_keys_created').on(table.createdAt),
  ],
);

/** Links that sign a browser in to a container's VS Code, or to one of its ports. */
export const signInTickets = pgTable('sign_in_tickets', {
  /** SHA-256 of the ticket, so that who reads the table cannot use it. */
  hash: text('hash').primaryKey(),
  containerId: uuid('container_id')
    .notNull()
    .references(() => containers.id, { onDelete: 'cascade' }),
  /** null for VS Code. */
  port: integer('port'),
  expiresAt: timestamptz('expires_at').notNull(),
});
