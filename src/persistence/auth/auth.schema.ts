import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { timestamptz } from '../columns.js';
import type { ProjectQuotas, ProjectRole } from '../types.js';

/** The units of tenancy. */
export const projects = pgTable(
  'projects',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    quotas: jsonb('quotas').$type<ProjectQuotas>().notNull(),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [uniqueIndex('projects_name').on(table.name)],
);

/** Keys of services. The secret is stored as its hash. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: text('id').primaryKey(),
    /** SHA-256 of the secret, in hexadecimal. */
    secretHash: text('secret_hash').notNull(),
    name: text('name').notNull(),
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    role: text('role').$type<ProjectRole>().notNull(),
    /** Id of the principal that made it. */
    createdBy: text('created_by').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    expiresAt: timestamptz('expires_at'),
    lastUsedAt: timestamptz('last_used_at'),
  },
  (table) => [index('api_keys_project').on(table.projectId, table.createdAt, table.id)],
);

/** One row, whose value grows with every change of who may do what, so that each process notices the changes of others. */
export const accessRevision = pgTable(
  'access_revision',
  {
    id: integer('id').primaryKey().default(1),
    value: bigint('value', { mode: 'number' }).notNull().default(0),
  },
  (table) => [check('access_revision_one_row', sql`${table.id} = 1`)],
);
