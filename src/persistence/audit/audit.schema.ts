import { bigint, index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import { timestamptz } from '../columns.js';
import type { AuditDetails, AuditOutcome } from '../types.js';

/**
 * Who did what. Rows are only inserted and, when they are old enough, deleted; the migration has a trigger that refuses
 * to change one. No foreign keys: an event outlives what it tells of.
 */
export const auditEvents = pgTable(
  'audit_events',
  {
    /** Order of insertion. */
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: timestamptz('at')
      .notNull()
      .default(sql`now()`),
    /** null for a caller that was not authenticated. */
    actorKind: text('actor_kind'),
    actorId: text('actor_id'),
    actorName: text('actor_name'),
    credentialKind: text('credential_kind'),
    credentialId: text('credential_id'),
    address: text('address'),
    requestId: text('request_id'),
    action: text('action').notNull(),
    targetKind: text('target_kind').notNull(),
    targetId: text('target_id'),
    targetName: text('target_name'),
    projectId: uuid('project_id'),
    outcome: text('outcome').$type<AuditOutcome>().notNull(),
    /** Code of the error of what was refused. */
    code: text('code'),
    details: jsonb('details').$type<AuditDetails>(),
  },
  (table) => [index('audit_events_project').on(table.projectId, table.id), index('audit_events_at').on(table.at)],
);
