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
import { bytes, timestamptz } from '../columns.js';
import { containers } from '../containers/containers.schema.js';
import {
  type BudgetKind,
  DEFAULT_PROJECT,
  type InstructionStatus,
  type PermissionDecision,
  type StatusReason,
} from '../types.js';

/** Prompts for Claude Code, with the progress and the result of each. */
export const instructions = pgTable(
  'instructions',
  {
    id: uuid('id').primaryKey(),
    ownerId: text('owner_id').notNull(),
    projectId: uuid('project_id').notNull().default(DEFAULT_PROJECT.id),
    containerId: uuid('container_id')
      .notNull()
      .references(() => containers.id, { onDelete: 'cascade' }),
    /** Order of acceptance, which is the order of execution within a container. */
    position: bigint('position', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    prompt: text('prompt').notNull(),
    resumeSessionId: uuid('resume_session_id'),
    continueLatest: boolean('continue_latest').notNull(),
    model: text('model'),
    maxTurns: integer('max_turns'),
    maxBudgetUsd: doublePrecision('max_budget_usd'),
    /** What it may spend on models, in US dollars; the gateway keeps it, and Claude Code the other one. */
    budgetUsd: doublePrecision('budget_usd'),
    /** The budget for which the gateway refused it an answer. */
    exceededBudget: text('exceeded_budget').$type<BudgetKind>(),
    timeoutSeconds: integer('timeout_seconds'),

    status: text('status').$type<InstructionStatus>().notNull(),
    statusReason: jsonb('status_reason').$type<StatusReason>(),
    cancelRequestedAt: timestamptz('cancel_requested_at'),
    sessionId: text('session_id'),
    result: text('result'),
    costUsd: doublePrecision('cost_usd'),
    /** Whether the cost is computed from list prices, in part or as a whole. */
    costEstimated: boolean('cost_estimated').notNull().default(false),
    turns: integer('turns'),
    usage: jsonb('usage').$type<Record<string, unknown>>(),
    /** null until the instruction has ended, and when there was no repository to compare. */
    diffBytes: integer('diff_bytes'),
    diffTruncated: boolean('diff_truncated').notNull().default(false),
    diffFiles: integer('diff_files'),
    diffInsertions: integer('diff_insertions'),
    diffDeletions: integer('diff_deletions'),

    /** Number of the last stored event, and its end in the runner's file in bytes. */
    lastSeq: integer('last_seq').notNull().default(0),
    eventOffset: bigint('event_offset', { mode: 'number' }).notNull().default(0),

    /** The process that executes it, until when, and how often that changed: writes with an older fence are refused. */
    leaseHolder: text('lease_holder'),
    leaseExpiresAt: timestamptz('lease_expires_at'),
    fence: bigint('fence', { mode: 'number' }).notNull().default(0),

    createdAt: timestamptz('created_at').notNull(),
    startedAt: timestamptz('started_at'),
    finishedAt: timestamptz('finished_at'),
  },
  (table) => [
    index('instructions_container').on(table.containerId, table.position),
    index('instructions_position').on(table.position),
    index('instructions_project').on(table.projectId, table.position),
    index('instructions_unfinished')
      .on(table.containerId)
      .where(sql`status in ('queued', 'running')`),
    // At most one running instruction in a container, across processes.
    uniqueIndex('instructions_running')
      .on(table.containerId)
      .where(sql`status = 'running'`),
  ],
);

/** Output of Claude Code, one row for each line. A foreign key would cost a look-up for every event. */
export const instructionEvents = pgTable(
  'instruction_events',
  {
    instructionId: uuid('instruction_id').notNull(),
    seq: integer('seq').notNull(),
    /** JSON as it was printed: jsonb would reorder it, and refuses characters that JSON allows. */
    event: text('event').notNull(),
  },
  (table) => [primaryKey({ columns: [table.instructionId, table.seq] })],
);

/** Permission requests of instructions. */
export const instructionPermissions = pgTable(
  'instruction_permissions',
  {
    instructionId: uuid('instruction_id')
      .notNull()
      .references(() => instructions.id, { onDelete: 'cascade' }),
    requestId: text('request_id').notNull(),
    toolName: text('tool_name').notNull(),
    /** JSON as Claude Code printed it. */
    input: text('input').notNull(),
    askedAt: timestamptz('asked_at').notNull(),
    decision: text('decision').$type<PermissionDecision>(),
    /** When it was answered or withdrawn. */
    closedAt: timestamptz('closed_at'),
  },
  (table) => [primaryKey({ columns: [table.instructionId, table.requestId] })],
);

/** Changes that an instruction made to the repository, as a patch in parts. */
export const instructionDiffs = pgTable(
  'instruction_diffs',
  {
    instructionId: uuid('instruction_id')
      .notNull()
      .references(() => instructions.id, { onDelete: 'cascade' }),
    part: integer('part').notNull(),
    patch: bytes('patch').notNull(),
  },
  (table) => [primaryKey({ columns: [table.instructionId, table.part] })],
);
