import { bigint, date, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { timestamptz } from '../columns.js';
import { projects } from '../auth/auth.schema.js';
import { containers } from '../containers/containers.schema.js';

const count = (name: string) => bigint(name, { mode: 'number' }).notNull();

/** What was spent on models, added up. It outlives containers and instructions, and goes with its project. */
export const spend = pgTable(
  'spend',
  {
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    /** All zeros once the container is long gone. */
    containerId: uuid('container_id').notNull(),
    /** All zeros for what no instruction did. */
    instructionId: uuid('instruction_id').notNull(),
    /** Who gave the instruction, or else created the container. */
    principalId: text('principal_id').notNull(),
    /** In UTC. */
    day: date('day', { mode: 'string' }).notNull(),
    model: text('model').notNull(),
    inputTokens: count('input_tokens'),
    outputTokens: count('output_tokens'),
    cacheReadTokens: count('cache_read_tokens'),
    /** For five minutes, and for an hour. */
    cacheWriteTokens: count('cache_write_tokens'),
    webSearches: count('web_searches'),
    /** 10⁻⁹ US dollars: sums are exact. */
    nanos: count('nanos'),
    /** Of {@link nanos}, what an unknown model is counted at. */
    unpricedNanos: count('unpriced_nanos'),
    unpricedTokens: count('unpriced_tokens'),
    answers: integer('answers').notNull(),
    /** Of the answers, those that broke off before they said what they cost. */
    estimatedAnswers: integer('estimated_answers').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'spend_key',
      columns: [table.containerId, table.instructionId, table.day, table.model, table.projectId, table.principalId],
    }),
    index('spend_project').on(table.projectId, table.day),
    index('spend_instruction').on(table.instructionId),
  ],
);

/** How far the gateway's journals are stored: each entry is added up once. */
export const spendJournals = pgTable(
  'spend_journals',
  {
    containerId: uuid('container_id')
      .notNull()
      .references(() => containers.id, { onDelete: 'cascade' }),
    journal: text('journal').notNull(),
    lastSeq: count('last_seq'),
    updatedAt: timestamptz('updated_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.containerId, table.journal] })],
);
