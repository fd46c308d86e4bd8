import { boolean, index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { timestamptz } from '../columns.js';
import type { Template, WarmWorkspaceState } from '../types.js';

/** Workspaces that were created ahead. A container that claims one gets its id. */
export const warmWorkspaces = pgTable(
  'warm_workspaces',
  {
    id: uuid('id').primaryKey(),
    template: text('template').$type<Template>().notNull(),
    /** Whether it has no network but the gateway. */
    fenced: boolean('fenced').notNull(),
    state: text('state').$type<WarmWorkspaceState>().notNull(),
    /** Name of the process that makes it. */
    holder: text('holder').notNull(),
    runtimeId: text('runtime_id'),
    fingerprint: text('fingerprint'),
    /** The environment that it was created with. */
    env: jsonb('env').$type<Record<string, string>>().notNull().default({}),
    createdAt: timestamptz('created_at').notNull(),
    claimedAt: timestamptz('claimed_at'),
  },
  (table) => [index('warm_workspaces_state').on(table.template, table.fenced, table.state, table.createdAt)],
);
