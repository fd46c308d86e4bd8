import { bigint, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { timestamptz } from '../columns.js';
import { containers } from '../containers/containers.schema.js';
import type { EgressDenialReason } from '../types.js';

/** Connections that containers were refused, of each the latest ones. */
export const egressDenials = pgTable(
  'egress_denials',
  {
    containerId: uuid('container_id')
      .notNull()
      .references(() => containers.id, { onDelete: 'cascade' }),
    /** Of the container, from 1; as the engine counts. */
    seq: bigint('seq', { mode: 'number' }).notNull(),
    at: timestamptz('at').notNull(),
    host: text('host').notNull(),
    port: integer('port').notNull(),
    reason: text('reason').$type<EgressDenialReason>().notNull(),
    /** Of the same destination for the same reason, since the denial before. */
    attempts: integer('attempts').notNull(),
  },
  (table) => [primaryKey({ columns: [table.containerId, table.seq] }), index('egress_denials_at').on(table.at)],
);
