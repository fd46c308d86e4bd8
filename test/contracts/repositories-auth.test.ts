/** The repositories of projects and API keys on a real PostgreSQL: quotas under races, removal, the access revision. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type ApiKeyRow, asCreator } from '../../src/persistence/auth/api-keys.repository.js';
import { DrizzleAccessRevisionsRepository } from '../../src/persistence/auth/drizzle-access-revisions.repository.js';
import { DrizzleApiKeysRepository } from '../../src/persistence/auth/drizzle-api-keys.repository.js';
import { DrizzleSignInTicketsRepository } from '../../src/persistence/auth/drizzle-sign-in-tickets.repository.js';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import type { ProjectRow } from '../../src/persistence/auth/projects.repository.js';
import { QuotaExceededError, type ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleInstructionsRepository } from '../../src/persistence/instructions/drizzle-instructions.repository.js';
import { DEFAULT_PROJECT, type ProjectQuotas, type HolderScope } from '../../src/persistence/types.js';
import { containerRow, jobRow, newInstruction, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const ALL_HELD: HolderScope = { projects: EVERYTHING, userId: undefined };

describe('repositories of projects and API keys', () => {
  let test: TestDatabase;
  let projects: DrizzleProjectsRepository;
  let keys: DrizzleApiKeysRepository;
  let revisions: DrizzleAccessRevisionsRepository;
  let containers: DrizzleContainersRepository;
  let instructions: DrizzleInstructionsRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    projects = new DrizzleProjectsRepository(test.database);
    keys = new DrizzleApiKeysRepository(test.database);
    revisions = new DrizzleAccessRevisionsRepository(test.database);
    containers = new DrizzleContainersRepository(test.database);
    instructions = new DrizzleInstructionsRepository(test.database);
  }, 60_000);
  beforeEach(async () => {
    await test.database.pool.query('truncate containers, jobs, idempotency_keys cascade');
    await test.database.pool.query('delete from projects where id <> $1', [DEFAULT_PROJECT.id]);
  });
  afterAll(() => test.close());

  async function project(quotas: ProjectQuotas = {}): Promise<ProjectRow> {
    const row = {
      id: randomUUID(),
      name: `p-${randomUUID().slice(0, 8)}`,
      quotas,
      egress: {},
      budgetUsd: {},
      allowedImages: ['docker.io/library/*'],
      createdAt: T0,
    };
    await expect(projects.insert(row)).resolves.toEqual({ kind: 'written', row });
    return row;
  }
  const key = (projectId: string, overrides: Partial<ApiKeyRow> = {}): ApiKeyRow => ({
    id: randomUUID().replaceAll('-', ''),
    secretHash: 'x',
    name: 'k',
    projectId,
    role: 'member',
    userId: null,
    createdBy: 'admin',
    createdAt: T0,
    expiresAt: null,
    lastUsedAt: null,
    ...overrides,
  });
  const insert = (row: ContainerRow, idempotencyKey?: string) =>
    containers.insert(
      row,
      jobRow(row),
      idempotencyKey === undefined ? undefined : { key: idempotencyKey, bodyHash: 'h' },
    );

  it('have the default project from the start', async () => {
    await expect(projects.findByName('default', EVERYTHING)).resolves.toMatchObject(DEFAULT_PROJECT);
  });

  it('refuse a second project of one name', async () => {
    const { name } = await project();
    const second = await project();
    await expect(projects.insert({ ...second, id: randomUUID(), name })).resolves.toEqual({ kind: 'name_taken' });
    await expect(projects.update(second.id, { name })).resolves.toEqual({ kind: 'name_taken' });
    await expect(projects.update(randomUUID(), { name: 'x' })).resolves.toEqual({ kind: 'not_found' });
  });

  it.each([
    [{ containers: 3 }, 'containers'],
    [{ running: 3 }, 'running'],
    [{ cpu: 0.3 }, 'cpu'],
    [{ memoryMB: 600 }, 'memoryMB'],
    [{ diskMB: 3_100 }, 'diskMB'],
  ] as const)('never admit more than %j allows, however many ask at once', async (quotas, quota) => {
    const { id: projectId } = await project(quotas);
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, () =>
        insert(containerRow({ projectId, cpuLimit: 0.1, memoryLimit: 200, diskLimit: 1_024 })).catch(
          (error: unknown) => error,
        ),
      ),
    );
    const refused = outcomes.filter((outcome) => outcome instanceof QuotaExceededError);
    expect([outcomes.length - refused.length, refused.length]).toEqual([3, 9]);
    expect(refused[0]!.exceeded).toMatchObject({ quota, limit: Object.values(quotas)[0] });
    await expect(projects.usage(projectId)).resolves.toMatchObject({ containers: 3, running: 3 });
  });

  it('count the containers of one project alone, and none that is removed', async () => {
    const [one, two] = [await project({ containers: 1 }), await project({ containers: 1 })];
    const row = containerRow({ projectId: one.id });
    await insert(row);
    await insert(containerRow({ projectId: two.id }));
    const lease = await containers.acquireLease(row.id, 'me', 60_000);
    await containers.tombstone(row.id, lease!);
    await expect(insert(containerRow({ projectId: one.id }))).resolves.toEqual({ kind: 'inserted' });
  });

  it('have containers that are found several at once, by their ids or by their names in one of them', async () => {
    const [here, there] = [await project({}), await project({})];
    const rows = [here, here, there].map(({ id: projectId }) => containerRow({ projectId }));
    for (const row of rows) await insert(row);
    const [one, two, elsewhere] = rows as [ContainerRow, ContainerRow, ContainerRow];
    const found = await containers.findByIdsOrNames([one.id, two.name, elsewhere.name, randomUUID()], here.id);
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set([one.id, two.id]));
    await expect(containers.findByIdsOrNames([elsewhere.id], here.id)).resolves.toMatchObject([{ id: elsewhere.id }]);
  });

  it('never admit more unfinished instructions than the project may have, however many ask at once', async () => {
    const { id: projectId } = await project({ instructions: 3 });
    const rows = [containerRow({ projectId }), containerRow({ projectId })] as const;
    for (const row of rows) await insert(row);
    const ask = (of: ContainerRow = rows[0]) => instructions.insert(newInstruction(of));
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) => ask(rows[index % 2]).catch((error: unknown) => error)),
    );
    const refused = outcomes.filter((outcome) => outcome instanceof QuotaExceededError);
    expect([outcomes.length - refused.length, refused.length]).toEqual([3, 9]);
    expect(refused[0]!.exceeded).toEqual({ quota: 'instructions', limit: 3, used: 3 });
    await expect(projects.usage(projectId)).resolves.toMatchObject({ containers: 2, instructions: 3 });
    await expect(instructions.requireQuota(projectId)).rejects.toThrow(QuotaExceededError);
    await expect(ask(containerRow({ projectId: (await project()).id }))).resolves.toEqual({ kind: 'container_gone' });
  });

  it('count an instruction until it ends, in its project alone, and not the repetition of its request', async () => {
    const [one, two] = [await project({ instructions: 1 }), await project({ instructions: 1 })];
    const [here, there] = [containerRow({ projectId: one.id }), containerRow({ projectId: two.id })];
    for (const row of [here, there]) await insert(row);
    const given = { key: 'k', bodyHash: 'h' };
    const first = await instructions.insert(newInstruction(here), given);
    if (first.kind !== 'inserted') throw new Error(first.kind);
    await expect(instructions.insert(newInstruction(there))).resolves.toMatchObject({ kind: 'inserted' });
    await expect(instructions.insert(newInstruction(here))).rejects.toThrow(QuotaExceededError);
    const again = await instructions.insert(newInstruction(here), given);
    expect(again).toEqual({ kind: 'replayed', instructionId: first.row.id });
    await instructions.cancel(first.row.id, { code: 'cancelled', message: 'c' });
    await expect(instructions.insert(newInstruction(here))).resolves.toMatchObject({ kind: 'inserted' });
  });

  it('leave an idempotency key unused when the quota refuses its request', async () => {
    const { id: projectId } = await project({ containers: 0 });
    const row = containerRow({ projectId });
    await expect(insert(row, 'again')).rejects.toThrow(QuotaExceededError);
    await projects.update(projectId, { quotas: {} });
    await expect(insert(row, 'again')).resolves.toEqual({ kind: 'inserted' });
  });

  it('count a stopped container as running when it is started', async () => {
    const { id: projectId } = await project({ running: 1 });
    const stopped = containerRow({ projectId, status: 'stopped', desiredRunning: false });
    await insert(stopped);
    await insert(containerRow({ projectId }));
    const start = () =>
      containers.transition(stopped.id, { from: ['stopped'], to: 'starting', patch: { desiredRunning: true } });
    await expect(start()).rejects.toThrow(QuotaExceededError);
    await expect(containers.findById(stopped.id, EVERYTHING)).resolves.toMatchObject({
      status: 'stopped',
      desiredRunning: false,
    });
    await projects.update(projectId, { quotas: { running: 2 } });
    await expect(start()).resolves.toMatchObject({ status: 'starting', desiredRunning: true });
  });

  it('count what limits grow by, and let them shrink where a quota is exceeded', async () => {
    const { id: projectId } = await project({ cpu: 2, memoryMB: 1_000 });
    const row = containerRow({ projectId, cpuLimit: 1, memoryLimit: 500 });
    await insert(row);
    const lease = (await containers.acquireLease(row.id, 'me', 60_000))!;
    await expect(containers.changeSpec(row.id, { cpuLimit: 3 }, lease)).rejects.toThrow(QuotaExceededError);
    await expect(containers.changeSpec(row.id, { cpuLimit: 2, memoryLimit: 1_001 }, lease)).rejects.toThrow(
      QuotaExceededError,
    );
    await expect(containers.findById(row.id, EVERYTHING)).resolves.toMatchObject({ cpuLimit: 1, memoryLimit: 500 });
    await expect(containers.changeSpec(row.id, { cpuLimit: 2, memoryLimit: 1_000 }, lease)).resolves.toMatchObject({
      cpuLimit: 2,
    });
    await projects.update(projectId, { quotas: { cpu: 0.5 } });
    await expect(containers.changeSpec(row.id, { cpuLimit: 1 }, lease)).resolves.toMatchObject({ cpuLimit: 1 });
  });

  it('refuse a container of a project that does not exist', async () => {
    await expect(insert(containerRow({ projectId: randomUUID() }))).resolves.toEqual({ kind: 'project_not_found' });
  });

  it('let two projects have a container of one name, and find it in the scope alone', async () => {
    const [one, two] = [await project(), await project()];
    const rows = [one, two].map(({ id: projectId }) => containerRow({ projectId, name: 'same' }));
    for (const row of rows) await insert(row);
    await expect(insert(containerRow({ projectId: one.id, name: 'same' }))).resolves.toEqual({ kind: 'name_taken' });
    const found = async (scope: Parameters<typeof containers.findByName>[1]): Promise<string[]> =>
      (await containers.findByName('same', scope)).map(({ projectId }) => projectId);
    await expect(found([one.id])).resolves.toEqual([one.id]);
    await expect(found([])).resolves.toEqual([]);
    expect((await found(EVERYTHING)).toSorted()).toEqual([one.id, two.id].toSorted());
    const listed = await containers.list({ scope: [two.id], limit: 10 });
    expect(listed.map(({ id }) => id)).toEqual([rows[1]!.id]);
  });

  it('remove a project without containers with its keys, and leave its tombstones to the default project', async () => {
    const { id } = await project();
    const kept = containerRow({ projectId: id });
    await insert(kept);
    await keys.insert(key(id));
    await expect(projects.remove(id)).resolves.toBe('not_empty');
    const lease = await containers.acquireLease(kept.id, 'me', 60_000);
    await containers.tombstone(kept.id, lease!);
    const other = containerRow({ projectId: id, keepVolume: true, deletedAt: T0 });
    await insert(other);
    await expect(projects.remove(id)).resolves.toBe('not_empty');
    await expect(containers.releaseVolume(other.id)).resolves.toBe('released');
    const before = await revisions.current();
    await expect(projects.remove(id)).resolves.toBe('removed');
    await expect(projects.remove(id)).resolves.toBe('not_found');
    await expect(keys.list({ projects: [id], userId: undefined })).resolves.toEqual([]);
    await expect(containers.tombstones([kept.id])).resolves.toHaveLength(1);
    await expect(revisions.current()).resolves.toBe(before + 1);
  });

  it('never remove a project while a container is created in it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await project();
      const [outcome, removal] = await Promise.all([insert(containerRow({ projectId: id })), projects.remove(id)]);
      expect([outcome.kind, removal]).toEqual(
        outcome.kind === 'inserted' ? ['inserted', 'not_empty'] : ['project_not_found', 'removed'],
      );
    }
  });

  it('raise the access revision when a key is removed', async () => {
    const row = key(DEFAULT_PROJECT.id);
    await expect(keys.insert(row)).resolves.toBe('inserted');
    await expect(keys.findById(row.id, ALL_HELD)).resolves.toEqual(row);
    const before = await revisions.current();
    await expect(keys.remove(row.id)).resolves.toBe(true);
    await expect(keys.remove(row.id)).resolves.toBe(false);
    await expect(revisions.current()).resolves.toBe(before + 1);
    await expect(keys.insert(key(randomUUID()))).resolves.toBe('holder_gone');
  });

  it('store the latest use of a key', async () => {
    const row = key(DEFAULT_PROJECT.id);
    await keys.insert(row);
    const later = new Date(T0.getTime() + 1_000);
    await keys.noteUsed(new Map([[row.id, later]]));
    await keys.noteUsed(new Map([[row.id, T0]]));
    await expect(keys.findById(row.id, ALL_HELD)).resolves.toMatchObject({ lastUsedAt: later });
  });

  it('store the latest use of many keys together', async () => {
    const rows = Array.from({ length: 3 }, () => key(DEFAULT_PROJECT.id));
    for (const row of rows) await keys.insert(row);
    const at = (seconds: number): Date => new Date(T0.getTime() + seconds * 1_000);
    await keys.noteUsed(new Map(rows.map(({ id }, second) => [id, at(second)])));
    await keys.noteUsed(new Map([[randomUUID(), at(9)]]));
    const found = await keys.findByIds([...rows.map(({ id }) => id), randomUUID()]);
    expect(new Map(found.map(({ id, lastUsedAt }) => [id, lastUsedAt]))).toEqual(
      new Map(rows.map(({ id }, second) => [id, at(second)])),
    );
  });

  it('remove what was made with a key together with it, also what is being made', async () => {
    const { id: projectId } = await project();
    const [first, other] = [key(projectId), key(projectId)];
    for (const row of [first, other]) await keys.insert(row);
    const second = key(projectId, { createdBy: asCreator(first.id) });
    await keys.insert(second);
    const third = Array.from({ length: 8 }, () => key(projectId, { createdBy: asCreator(second.id) }));
    const [outcomes] = await Promise.all([Promise.all(third.map((row) => keys.insert(row))), keys.remove(first.id)]);
    for (const outcome of outcomes) expect(['inserted', 'creator_gone']).toContain(outcome);
    await expect(keys.list({ projects: [projectId], userId: undefined })).resolves.toMatchObject([{ id: other.id }]);
    await expect(keys.insert(key(projectId, { createdBy: asCreator(first.id) }))).resolves.toBe('creator_gone');
  });

  it('keep no more keys of a project than allowed, and forget those that have long expired', async () => {
    const { id: projectId } = await project();
    const insertion = (overrides: Partial<ApiKeyRow> = {}) => keys.insert(key(projectId, overrides), 3);
    await expect(insertion({ expiresAt: new Date(T0.getTime() - 90_000_000) })).resolves.toBe('inserted');
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => insertion()));
    expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(3);
    expect(new Set(outcomes)).toEqual(new Set(['inserted', 'full']));
  });

  it('say what is gone that a ticket is for', async () => {
    const tickets = new DrizzleSignInTicketsRepository(test.database);
    const row = containerRow();
    await insert(row);
    const ticket = { hash: 'h', containerId: row.id, port: null, apiKeyId: null, sessionId: null, expiresAt: T0 };
    await expect(tickets.insert({ ...ticket, apiKeyId: 'revoked' }, T0)).resolves.toBe('credential_gone');
    await expect(tickets.insert({ ...ticket, sessionId: 'ended' }, T0)).resolves.toBe('credential_gone');
    await expect(tickets.insert({ ...ticket, containerId: randomUUID() }, T0)).resolves.toBe('container_gone');
    await expect(tickets.insert(ticket, T0)).resolves.toBe('inserted');
  });

  it('count the containers of an owner that are being made, however many come at once', async () => {
    const queue = { states: ['queued'] as const, max: 2 };
    const rows = Array.from({ length: 8 }, () => containerRow({ ownerId: 'one', status: 'queued' }));
    const outcomes = await Promise.all(
      rows.map((row, at) => containers.insert(row, jobRow(row), { key: `k${at % 5}`, bodyHash: 'h' }, queue)),
    );
    const made = outcomes.filter(({ kind }) => kind === 'inserted');
    expect(made).toHaveLength(2);
    const other = containerRow({ ownerId: 'other' });
    await expect(containers.insert(other, jobRow(other), undefined, queue)).resolves.toEqual({ kind: 'inserted' });
  });
});
