import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
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
import type { ProjectBudget, ProjectEgress, ProjectQuotas, ProjectRole } from '../types.js';
import { users } from './users/users.schema.js';

/** The units of tenancy. */
export const projects = pgTable(
  'projects',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    quotas: jsonb('quotas').$type<ProjectQuotas>().notNull(),
    egress: jsonb('egress').$type<ProjectEgress>().notNull().default({}),
    budgetUsd: jsonb('budget_usd').$type<ProjectBudget>().notNull().default({}),
    /** Patterns of the images that its containers may be made of; null for those of the server. */
    allowedImages: jsonb('allowed_images').$type<string[]>(),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [uniqueIndex('projects_name').on(table.name)],
);

/** Who belongs to which project. */
export const memberships = pgTable(
  'memberships',
  {
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    role: text('role').$type<ProjectRole>().notNull(),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.userId] }), index('memberships_user').on(table.userId)],
);

/** Keys of services, which act in one project, and of users. The secret is stored as its hash. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: text('id').primaryKey(),
    /** SHA-256 of the secret, in hexadecimal. */
    secretHash: text('secret_hash').notNull(),
    name: text('name').notNull(),
    /** null for the key of a user. */
    projectId: uuid('project_id').references(() => projects.id, { onDelete: 'cascade' }),
    role: text('role').$type<ProjectRole>(),
    /** null for the key of a service. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    /** Id of the principal that made it. */
    createdBy: text('created_by').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    expiresAt: timestamptz('expires_at'),
    lastUsedAt: timestamptz('last_used_at'),
  },
  (table) => [
    index('api_keys_project').on(table.projectId, table.createdAt, table.id),
    index('api_keys_user').on(table.userId),
    check(
      'api_keys_of_project_or_user',
      sql`(${table.projectId} is null) = (${table.role} is null) and (${table.projectId} is null) <> (${table.userId} is null)`,
    ),
  ],
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
