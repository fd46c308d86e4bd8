import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core';
import { timestamptz } from '../columns.js';

/** How much every process together has counted against a limit. A crash may lose it: the table is not logged. */
export const rateLimitCounts = pgTable(
  'rate_limit_counts',
  {
    /** Name of the limit and id of the principal. */
    key: text('key').primaryKey(),
    total: bigint('total', { mode: 'number' }).notNull(),
    updatedAt: timestamptz('updated_at').notNull(),
  },
  (table) => [index('rate_limit_counts_updated').on(table.updatedAt)],
);
