import { bigint, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { projects } from '../auth/auth.schema.js';
import { timestamptz } from '../columns.js';
import type { RepoType, SnapshotPurpose, SnapshotState, Template } from '../types.js';

/** Saved files of containers. Those of a removed container stay. */
export const snapshots = pgTable(
  'snapshots',
  {
    id: uuid('id').primaryKey(),
    ownerId: text('owner_id').notNull(),
    /** A project with snapshots is not removed. */
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id),
    containerId: uuid('container_id').notNull(),
    containerName: text('container_name').notNull(),
    template: text('template').$type<Template>().notNull(),
    repoType: text('repo_type').$type<RepoType>().notNull(),
    repoUrl: text('repo_url'),
    repoBranch: text('repo_branch'),
    state: text('state').$type<SnapshotState>().notNull(),
    purpose: text('purpose').$type<SnapshotPurpose>().notNull(),
    /** Name of the process that makes it. */
    holder: text('holder').notNull(),
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
    pausedMs: integer('paused_ms').notNull().default(0),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [
    index('snapshots_project').on(table.projectId, table.containerId, table.createdAt),
    index('snapshots_unsettled').on(table.state, table.purpose),
  ],
);
