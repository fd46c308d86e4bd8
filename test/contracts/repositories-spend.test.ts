/** The repository of what was spent on a real PostgreSQL. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleInstructionsRepository } from '../../src/persistence/instructions/drizzle-instructions.repository.js';
import { DrizzleSpendRepository } from '../../src/persistence/spend/drizzle-spend.repository.js';
import type { SpendEntry, SpentPart } from '../../src/persistence/spend/spend.repository.js';
import { containerRow, jobRow, newInstruction, projectRow } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';

const DAY = '2026-03-31';
const PART: SpentPart = {
  model: 'opus',
  inputTokens: 1,
  outputTokens: 2,
  cacheReadTokens: 3,
  cacheWriteTokens: 4,
  webSearches: 5,
  nanos: 1_000_000_007,
  isPriced: true,
};

describe('the repository of what was spent', () => {
  let test: TestDatabase;
  let spend: DrizzleSpendRepository;
  let container: ContainerRow;

  beforeAll(async () => {
    test = await openTestDatabase();
    spend = new DrizzleSpendRepository(test.database);
  }, 60_000);
  beforeEach(async () => {
    await test.database.pool.query('truncate containers, jobs, spend cascade');
    container = await insertContainer();
  });
  afterAll(() => test.close());

  async function insertContainer(overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> {
    const row = containerRow(overrides);
    await new DrizzleContainersRepository(test.database).insert(row, jobRow(row));
    return row;
  }
  async function insertInstruction(budgetUsd: number | null): Promise<string> {
    const row = newInstruction(container, { ownerId: 'ada', budgetUsd });
    await new DrizzleInstructionsRepository(test.database).insert(row);
    return row.id;
  }
  const entry = (seq: number, overrides: Partial<SpendEntry> = {}): SpendEntry => ({
    seq,
    at: new Date(`${DAY}T12:00:00Z`),
    instructionId: null,
    parts: [PART],
    isEstimated: false,
    refused: null,
    ...overrides,
  });
  const nanosOf = async (id = container.id): Promise<number> =>
    (await spend.byModel({ containerId: id })).reduce((sum, { nanos }) => sum + nanos, 0);

  it('adds each entry of a journal up once, whoever comes with it', async () => {
    await expect(spend.mark(container.id)).resolves.toBeUndefined();
    await spend.store(container.id, 'j', [entry(1), entry(2)]);
    const both = [entry(1), entry(2), entry(3), entry(4)];
    const stored = await Promise.all(Array.from({ length: 8 }, () => spend.store(container.id, 'j', both)));
    expect(stored.flat().map(({ seq }) => seq)).toEqual([3, 4]);
    await expect(spend.mark(container.id)).resolves.toEqual({ journal: 'j', seq: 4 });
    await expect(nanosOf()).resolves.toBe(4 * PART.nanos);
    // Another journal counts from 1.
    await spend.store(container.id, 'k', [entry(1)]);
    await expect(nanosOf()).resolves.toBe(5 * PART.nanos);
    await expect(spend.mark(container.id)).resolves.toEqual({ journal: 'k', seq: 1 });
  });

  it('knows nothing of containers that are not there', async () => {
    const stranger = randomUUID();
    await expect(spend.mark(stranger)).resolves.toBeNull();
    await expect(spend.store(stranger, 'j', [entry(1)])).resolves.toEqual([]);
    await expect(nanosOf(stranger)).resolves.toBe(0);
  });

  it('sums by model, day, container, instruction and principal', async () => {
    const instructionId = await insertInstruction(null);
    const other = { ...PART, model: 'haiku', nanos: 3, isPriced: false };
    await spend.store(container.id, 'j', [
      entry(1, { instructionId, parts: [PART, other], isEstimated: true }),
      entry(2, { at: new Date('2026-04-01T00:00:00Z') }),
      entry(3, { instructionId: randomUUID() }),
    ]);
    const [haiku, opus] = await spend.byModel({ projectId: container.projectId });
    expect(haiku).toMatchObject({ model: 'haiku', nanos: 3, isPriced: false, answers: 0, inputTokens: 1 });
    expect(opus).toMatchObject({ nanos: 3 * PART.nanos, isPriced: true, answers: 3, estimatedAnswers: 1 });
    const keys = async (by: 'day' | 'container' | 'instruction' | 'principal'): Promise<unknown> =>
      (await spend.grouped({ containerId: container.id }, by)).map(({ key, model, nanos }) => [key, model, nanos]);
    const [one, two] = [PART.nanos, 2 * PART.nanos];
    await expect(keys('day')).resolves.toEqual([
      [DAY, 'haiku', 3],
      [DAY, 'opus', two],
      ['2026-04-01', 'opus', one],
    ]);
    await expect(keys('instruction')).resolves.toEqual([
      [instructionId, 'haiku', 3],
      [instructionId, 'opus', one],
      [null, 'opus', two],
    ]);
    await expect(keys('principal')).resolves.toEqual(
      [
        ['ada', 'haiku', 3],
        ['ada', 'opus', one],
        ['admin', 'opus', two],
      ].toSorted(),
    );
    await expect(keys('container')).resolves.toHaveLength(2);
    await expect(spend.byModel({ instructionId })).resolves.toHaveLength(2);
    await expect(spend.byModel({ containerId: container.id, since: '2026-04-01' })).resolves.toHaveLength(1);
    await expect(spend.byModel({ containerId: container.id, until: '2026-03-30' })).resolves.toEqual([]);
    await expect(spend.ofProject(container.projectId, DAY)).resolves.toEqual({ day: two + 3, month: two + 3 });
    await expect(spend.ofProject(container.projectId, '2026-04-02')).resolves.toEqual({ day: 0, month: one });
  });

  it('gives the sums of budgets with what they include', async () => {
    const limited = await insertInstruction(2.5);
    await insertInstruction(null);
    await spend.store(container.id, 'j', [entry(1), entry(2, { instructionId: limited })]);
    await expect(spend.sums(container.id, container.projectId, DAY)).resolves.toEqual({
      container: 2 * PART.nanos,
      day: 2 * PART.nanos,
      month: 2 * PART.nanos,
      instructions: [{ id: limited, budgetUsd: 2.5, nanos: PART.nanos }],
      marks: new Map([[container.id, { journal: 'j', seq: 2 }]]),
    });
  });

  it('notes the budget that ended an instruction, the first one', async () => {
    const id = await insertInstruction(1);
    await expect(spend.exceededBudget(id)).resolves.toBeNull();
    const refusal = { instructionId: id, parts: [] };
    await spend.store(container.id, 'j', [
      entry(1, { ...refusal, refused: 'container' }),
      entry(2, { ...refusal, refused: 'instruction' }),
    ]);
    await expect(spend.exceededBudget(id)).resolves.toBe('container');
    await expect(nanosOf()).resolves.toBe(0);
  });

  it('keeps what a removed container has spent, until its project is removed', async () => {
    const projects = new DrizzleProjectsRepository(test.database);
    const project = projectRow({ budgetUsd: { day: 1.5 } });
    await expect(projects.insert(project)).resolves.toEqual({ kind: 'written', row: project });
    const own = await insertContainer({ projectId: project.id });
    await spend.store(own.id, 'j', [entry(1)]);
    await test.database.pool.query('delete from containers where id = $1', [own.id]);
    await expect(nanosOf(own.id)).resolves.toBe(PART.nanos);
    await projects.remove(project.id);
    await expect(nanosOf(own.id)).resolves.toBe(0);
  });

  it('adds up what removed containers spent before a day, with the same totals of project, principal, day and model', async () => {
    const gone = [await insertContainer(), await insertContainer(), await insertContainer({ ownerId: 'eve' })];
    for (const [index, { id }] of gone.entries())
      for (const [seq, day] of ['2026-03-30', DAY, '2026-04-01'].entries())
        await spend.store(id, `j${index}`, [
          entry(2 * seq + 1, { at: new Date(`${day}T12:00:00Z`) }),
          entry(2 * seq + 2, {
            at: new Date(`${day}T12:00:00Z`),
            parts: [{ ...PART, model: 'haiku', isPriced: false }],
          }),
        ]);
    await spend.store(container.id, 'j', [entry(1)]);
    const instructionId = await insertInstruction(null);
    await spend.store(container.id, 'j', [entry(2, { instructionId })]);
    await test.database.pool.query('delete from containers where id <> $1', [container.id]);
    const query = { projectId: container.projectId };
    const totals = async () => ({
      models: await spend.byModel(query),
      days: await spend.grouped(query, 'day'),
      principals: await spend.grouped(query, 'principal'),
      project: await spend.ofProject(container.projectId, DAY),
    });
    const rows = async () => (await test.database.pool.query('select 1 from spend')).rowCount;
    const before = await totals();
    await expect(rows()).resolves.toBe(20);

    // Two processes at once, each row by one of them.
    const folded = await Promise.all([spend.foldBefore('2026-04-01', 5), spend.foldBefore('2026-04-01', 5)]);
    expect(folded.every((count) => count <= 5)).toBe(true);
    while ((await spend.foldBefore('2026-04-01', 5)) > 0);
    await expect(totals()).resolves.toEqual(before);
    // Two days, two models and two principals; the day that is kept apart; and what the other container has spent.
    await expect(rows()).resolves.toBe(8 + 6 + 2);
    await expect(nanosOf()).resolves.toBe(2 * PART.nanos);
    await expect(spend.byModel({ instructionId })).resolves.toHaveLength(1);
    const keys = (await spend.grouped({ ...query, until: DAY }, 'container')).map(({ key }) => key);
    expect([...new Set(keys)].toSorted()).toEqual([container.id, null].toSorted());
    await expect(nanosOf(gone[0]!.id)).resolves.toBe(2 * PART.nanos);
  });
});
