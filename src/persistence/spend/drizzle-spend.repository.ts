import { Injectable } from '@nestjs/common';
import { and, eq, gte, inArray, isNotNull, lte, type SQL, sql } from 'drizzle-orm';
import { containers } from '../containers/containers.schema.js';
import type { Transaction } from '../containers/idempotency-keys.js';
import { Database } from '../database.js';
import { instructions } from '../instructions/instructions.schema.js';
import type { BudgetKind } from '../types.js';
import { spend, spendJournals } from './spend.schema.js';
import {
  type ModelSpend,
  type SpendEntry,
  type SpendGroup,
  type SpendMark,
  type SpendQuery,
  SpendRepository,
  type SpentSums,
} from './spend.repository.js';

type SpendRow = typeof spend.$inferInsert;

const NONE = '00000000-0000-0000-0000-000000000000';
const COUNTS = [
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'webSearches',
  'nanos',
  'unpricedNanos',
  'unpricedTokens',
  'answers',
  'estimatedAnswers',
] as const;
/** A mark that is older than that belongs to a journal in which nothing is left. */
const MARKS_KEPT = sql`now() - interval '7 days'`;
const KEYS = {
  day: sql<string>`${spend.day}::text`,
  container: sql<string | null>`nullif(${spend.containerId}, ${NONE})::text`,
  instruction: sql<string | null>`nullif(${spend.instructionId}, ${NONE})::text`,
  principal: sql<string>`${spend.principalId}`,
} as const;

const total = (column: (typeof spend)[(typeof COUNTS)[number]]): SQL<number> =>
  sql`coalesce(sum(${column}), 0)`.mapWith(Number);
const MODEL_SPEND = {
  model: spend.model,
  inputTokens: total(spend.inputTokens),
  outputTokens: total(spend.outputTokens),
  cacheReadTokens: total(spend.cacheReadTokens),
  cacheWriteTokens: total(spend.cacheWriteTokens),
  webSearches: total(spend.webSearches),
  nanos: total(spend.nanos),
  isPriced: sql<boolean>`sum(${spend.unpricedTokens}) = 0`,
  answers: total(spend.answers),
  estimatedAnswers: total(spend.estimatedAnswers),
};

@Injectable()
export class DrizzleSpendRepository extends SpendRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async mark(containerId: string): Promise<SpendMark | undefined | null> {
    const rows = await this.database.orm
      .select({ journal: spendJournals.journal, seq: spendJournals.lastSeq })
      .from(containers)
      .leftJoin(spendJournals, eq(spendJournals.containerId, containers.id))
      .where(eq(containers.id, containerId))
      .orderBy(sql`${spendJournals.updatedAt} desc nulls last`)
      .limit(1);
    const [row] = rows;
    if (row === undefined) return null;
    return row.journal === null ? undefined : { journal: row.journal, seq: row.seq! };
  }

  async store(containerId: string, journal: string, entries: SpendEntry[]): Promise<SpendEntry[]> {
    return this.database.orm.transaction(async (tx) => {
      const [container] = await tx
        .select({ projectId: containers.projectId, ownerId: containers.ownerId })
        .from(containers)
        .where(eq(containers.id, containerId))
        .for('key share');
      if (container === undefined) return [];
      const mark = { containerId, journal, lastSeq: 0, updatedAt: new Date() };
      await tx.insert(spendJournals).values(mark).onConflictDoNothing();
      const isThis = and(eq(spendJournals.containerId, containerId), eq(spendJournals.journal, journal));
      const [held] = await tx.select().from(spendJournals).where(isThis).for('update');
      const fresh = entries.filter(({ seq }) => seq > held!.lastSeq);
      const last = fresh.at(-1);
      if (last === undefined) return [];
      await tx.update(spendJournals).set({ lastSeq: last.seq, updatedAt: new Date() }).where(isThis);
      const owners = await ownersOf(tx, containerId, fresh);
      for (const row of rowsOf(containerId, container, owners, fresh)) {
        const { containerId: container_, instructionId, day, model, projectId, principalId } = spend;
        const set = Object.fromEntries(
          COUNTS.map((name) => [name, sql`${spend[name]} + excluded.${sql.identifier(spend[name].name)}`]),
        );
        await tx
          .insert(spend)
          .values(row)
          .onConflictDoUpdate({ target: [container_, instructionId, day, model, projectId, principalId], set });
      }
      for (const { instructionId, refused } of fresh)
        if (instructionId !== null && refused !== null)
          await tx
            .update(instructions)
            .set({ exceededBudget: sql`coalesce(${instructions.exceededBudget}, ${refused})` })
            .where(and(eq(instructions.id, instructionId), eq(instructions.containerId, containerId)));
      return fresh;
    });
  }

  async sums(containerId: string, projectId: string, day: string): Promise<SpentSums> {
    return this.database.orm.transaction(
      async (tx) => {
        const [container] = await tx
          .select({ nanos: total(spend.nanos) })
          .from(spend)
          .where(eq(spend.containerId, containerId));
        const ofInstruction = tx
          .select({ nanos: total(spend.nanos) })
          .from(spend)
          .where(eq(spend.instructionId, instructions.id));
        const unfinished = await tx
          .select({
            id: instructions.id,
            budgetUsd: sql<number>`${instructions.budgetUsd}`,
            nanos: sql`(${ofInstruction})`.mapWith(Number),
          })
          .from(instructions)
          .where(
            and(
              eq(instructions.containerId, containerId),
              inArray(instructions.status, ['queued', 'running']),
              isNotNull(instructions.budgetUsd),
            ),
          );
        const journals = await tx
          .select({
            id: spendJournals.containerId,
            journal: spendJournals.journal,
            seq: spendJournals.lastSeq,
          })
          .from(spendJournals)
          .innerJoin(containers, eq(containers.id, spendJournals.containerId))
          .where(and(eq(containers.projectId, projectId), gte(spendJournals.updatedAt, MARKS_KEPT)))
          .orderBy(spendJournals.updatedAt);
        return {
          container: container!.nanos,
          ...(await sumsOfProject(tx, projectId, day)),
          instructions: unfinished,
          marks: new Map(journals.map(({ id, journal, seq }) => [id, { journal, seq }])),
        };
      },
      { isolationLevel: 'repeatable read', accessMode: 'read only' },
    );
  }

  async byModel(query: SpendQuery): Promise<ModelSpend[]> {
    return this.database.orm
      .select(MODEL_SPEND)
      .from(spend)
      .where(conditionOf(query))
      .groupBy(spend.model)
      .orderBy(spend.model);
  }

  async grouped(query: SpendQuery, by: SpendGroup): Promise<(ModelSpend & { key: string | null })[]> {
    return this.database.orm
      .select({ key: KEYS[by], ...MODEL_SPEND })
      .from(spend)
      .where(conditionOf(query))
      .groupBy(sql`1`, spend.model)
      .orderBy(sql`1`, spend.model);
  }

  async ofProject(projectId: string, day: string): Promise<{ day: number; month: number }> {
    return sumsOfProject(this.database.orm, projectId, day);
  }

  async foldBefore(day: string, limit: number): Promise<number> {
    const names = COUNTS.map((name) => sql.identifier(spend[name].name));
    const list = sql.join(names, sql`, `);
    const sums = sql.join(
      names.map((name) => sql`sum(${name})`),
      sql`, `,
    );
    const added = sql.join(
      names.map((name) => sql`${name} = ${spend}.${name} + excluded.${name}`),
      sql`, `,
    );
    // Other processes fold as well: each row is taken once, and its sum is there at the same moment.
    const { rows } = await this.database.orm.execute<{ count: number }>(sql`
      with folded as (
        delete from ${spend} where ctid in (
          select old.ctid from ${spend} old
          where old.day < ${day} and old.container_id <> ${NONE}
            and not exists (select from ${containers} where ${containers.id} = old.container_id)
          limit ${limit} for update of old skip locked
        )
        returning *
      ), stored as (
        insert into ${spend} (container_id, instruction_id, project_id, principal_id, day, model, ${list})
        select ${NONE}::uuid, ${NONE}::uuid, project_id, principal_id, day, model, ${sums} from folded
        group by project_id, principal_id, day, model
        order by project_id, principal_id, day, model
        on conflict (container_id, instruction_id, day, model, project_id, principal_id) do update set ${added}
      )
      select count(*)::int as count from folded`);
    return rows[0]?.count ?? 0;
  }

  async exceededBudget(instructionId: string): Promise<BudgetKind | null> {
    const [row] = await this.database.orm
      .select({ budget: instructions.exceededBudget })
      .from(instructions)
      .where(eq(instructions.id, instructionId));
    return row?.budget ?? null;
  }
}

async function sumsOfProject(
  on: Database['orm'] | Transaction,
  projectId: string,
  day: string,
): Promise<{ day: number; month: number }> {
  const [row] = await on
    .select({
      month: total(spend.nanos),
      day: sql`coalesce(sum(${spend.nanos}) filter (where ${spend.day} = ${day}), 0)`.mapWith(Number),
    })
    .from(spend)
    .where(and(eq(spend.projectId, projectId), gte(spend.day, `${day.slice(0, 7)}-01`), lte(spend.day, day)));
  return row!;
}

function conditionOf({ projectId, containerId, instructionId, since, until }: SpendQuery): SQL | undefined {
  return and(
    projectId === undefined ? undefined : eq(spend.projectId, projectId),
    containerId === undefined ? undefined : eq(spend.containerId, containerId),
    instructionId === undefined ? undefined : eq(spend.instructionId, instructionId),
    since === undefined ? undefined : gte(spend.day, since),
    until === undefined ? undefined : lte(spend.day, until),
  );
}

/** Who gave the instructions, of those that the container has. */
async function ownersOf(
  tx: Transaction,
  containerId: string,
  entries: SpendEntry[],
): Promise<ReadonlyMap<string | null, string>> {
  const ids = [...new Set(entries.flatMap(({ instructionId }) => (instructionId === null ? [] : [instructionId])))];
  if (ids.length === 0) return new Map();
  const rows = await tx
    .select({ id: instructions.id, ownerId: instructions.ownerId })
    .from(instructions)
    .where(and(inArray(instructions.id, ids), eq(instructions.containerId, containerId)));
  return new Map(rows.map(({ id, ownerId }) => [id, ownerId]));
}

/** One row for each instruction, day and model. */
function rowsOf(
  containerId: string,
  { projectId, ownerId }: { projectId: string; ownerId: string },
  owners: ReadonlyMap<string | null, string>,
  entries: SpendEntry[],
): SpendRow[] {
  const rows = new Map<string, SpendRow>();
  for (const { at, instructionId: named, parts, isEstimated } of entries) {
    const owner = owners.get(named);
    const instructionId = owner === undefined ? NONE : named!;
    const day = at.toISOString().slice(0, 10);
    for (const [index, part] of parts.entries()) {
      const key = `${instructionId} ${day} ${part.model}`;
      const { model, isPriced, ...counts } = part;
      const tokens = part.inputTokens + part.outputTokens + part.cacheReadTokens + part.cacheWriteTokens;
      const added = {
        ...counts,
        unpricedNanos: isPriced ? 0 : part.nanos,
        unpricedTokens: isPriced ? 0 : tokens,
        answers: index === 0 ? 1 : 0,
        estimatedAnswers: index === 0 && isEstimated ? 1 : 0,
      };
      const known = rows.get(key);
      if (known === undefined)
        rows.set(key, { projectId, containerId, instructionId, principalId: owner ?? ownerId, day, model, ...added });
      else for (const name of COUNTS) known[name] += added[name];
    }
  }
  // In one order, so that two processes do not wait for each other.
  return [...rows].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
}
