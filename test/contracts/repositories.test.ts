/** Containers and jobs on a real PostgreSQL: what is written together, who wins a race, what is remembered. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type {
  ContainerRow,
  ContainersRepository,
  InsertOutcome,
} from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleJobsRepository } from '../../src/persistence/containers/drizzle-jobs.repository.js';
import { DrizzleSignInTicketsRepository } from '../../src/persistence/auth/drizzle-sign-in-tickets.repository.js';
import type { JobsRepository } from '../../src/persistence/containers/jobs.repository.js';
import { containerRow, jobRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';

describe('repositories', () => {
  let test: TestDatabase;
  let containers: ContainersRepository;
  let jobs: JobsRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    containers = new DrizzleContainersRepository(test.database);
    jobs = new DrizzleJobsRepository(test.database);
  }, 60_000);

  beforeEach(async () => {
    await test.database.pool.query('truncate containers, jobs, idempotency_keys cascade');
  });

  afterAll(() => test.close());

  async function inserted(overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> {
    const row = containerRow(overrides);
    await expect(containers.insert(row, jobRow(row))).resolves.toEqual({ kind: 'inserted' });
    return row;
  }

  const kinds = (outcomes: InsertOutcome[]): Record<string, number> =>
    Object.fromEntries(
      Object.entries(Object.groupBy(outcomes, ({ kind }) => kind)).map(([kind, all]) => [kind, all.length]),
    );
  const count = async (table: string): Promise<number> =>
    Number((await test.database.pool.query<{ count: string }>(`select count(*) from ${table}`)).rows[0]?.count);

  describe('insert', () => {
    it('writes the container and its job as they are', async () => {
      const row = containerRow({
        env: { A: 'b', 'quote"': "'; drop table containers; --" },
        statusReason: { code: 'c', message: 'm' },
        cpuLimit: 0.125,
        startedAt: T0,
        fence: 7,
        repoUrl: 'git@h:r',
        sshKeyPath: '/k',
      });
      const job = jobRow(row, { error: { code: 'e', message: 'm', retryable: true, output: ['x'] }, progress: 5 });
      await containers.insert(row, job);
      await expect(containers.findById(row.id)).resolves.toEqual(row);
      await expect(containers.findByName(row.name)).resolves.toEqual(row);
      await expect(jobs.findById(job.id)).resolves.toEqual(job);
      await expect(jobs.findByIds([job.id, randomUUID()])).resolves.toEqual([job]);
      await expect(jobs.findByIds([])).resolves.toEqual([]);
    });

    it('refuses a name that is in use, and writes nothing then', async () => {
      const row = await inserted({ name: 'taken' });
      const second = containerRow({ name: 'taken' });
      await expect(containers.insert(second, jobRow(second))).resolves.toEqual({ kind: 'name_taken' });
      await expect(containers.findByName('taken')).resolves.toMatchObject({ id: row.id });
      await expect(Promise.all([count('containers'), count('jobs')])).resolves.toEqual([1, 1]);
    });

    it('lets one of many have a name', async () => {
      const rows = Array.from({ length: 20 }, () => containerRow({ name: 'wanted' }));
      const outcomes = await Promise.all(rows.map((row) => containers.insert(row, jobRow(row))));
      expect(kinds(outcomes)).toEqual({ inserted: 1, name_taken: 19 });
      await expect(Promise.all([count('containers'), count('jobs')])).resolves.toEqual([1, 1]);
    });

    it('passes on any other failure', async () => {
      const row = await inserted();
      await expect(containers.insert({ ...row, name: 'other' }, jobRow(row))).rejects.toThrow('Failed query');
    });
  });

  describe('an idempotency key', () => {
    const key = { key: 'k', bodyHash: 'h' };

    it('answers with the same container again, even when its name would be in use', async () => {
      const [first, again] = [containerRow({ name: 'n' }), containerRow({ name: 'n' })];
      await expect(containers.insert(first, jobRow(first), key)).resolves.toEqual({ kind: 'inserted' });
      await expect(containers.insert(again, jobRow(again), key)).resolves.toEqual({
        kind: 'replayed',
        containerId: first.id,
      });
      await expect(count('containers')).resolves.toBe(1);
    });

    it('is refused with another body', async () => {
      const [first, other] = [containerRow(), containerRow()];
      await containers.insert(first, jobRow(first), key);
      await expect(containers.insert(other, jobRow(other), { ...key, bodyHash: 'other' })).resolves.toEqual({
        kind: 'key_reused',
      });
      await expect(count('containers')).resolves.toBe(1);
    });

    it('is its owner’s own', async () => {
      const [mine, theirs] = [containerRow({ ownerId: 'me' }), containerRow({ ownerId: 'them' })];
      await containers.insert(mine, jobRow(mine), key);
      await expect(containers.insert(theirs, jobRow(theirs), key)).resolves.toEqual({ kind: 'inserted' });
    });

    it('makes one container of twenty requests at the same time', async () => {
      const rows = Array.from({ length: 20 }, () => containerRow({ name: 'same' }));
      const outcomes = await Promise.all(rows.map((row) => containers.insert(row, jobRow(row), key)));
      expect(kinds(outcomes)).toEqual({ inserted: 1, replayed: 19 });
      const [winner] = await containers.listAll();
      expect(outcomes.flatMap((outcome) => (outcome.kind === 'replayed' ? [outcome.containerId] : []))).toEqual(
        Array.from({ length: 19 }, () => winner?.id),
      );
      await expect(Promise.all([count('containers'), count('jobs'), count('idempotency_keys')])).resolves.toEqual([
        1, 1, 1,
      ]);
    });

    it('is free again when its container could not be written', async () => {
      await inserted({ name: 'taken' });
      const refused = containerRow({ name: 'taken' });
      await expect(containers.insert(refused, jobRow(refused), key)).resolves.toEqual({ kind: 'name_taken' });
      const other = containerRow();
      await expect(containers.insert(other, jobRow(other), { ...key, bodyHash: 'other' })).resolves.toEqual({
        kind: 'inserted',
      });
    });
  });

  describe('list', () => {
    it('shows the newest first, and pages through all of them once, whatever shares a moment', async () => {
      const moments = [3, 1, 2, 2, 2, 0, 3];
      for (const moment of moments) await inserted({ ownerId: 'me', createdAt: new Date(T0.getTime() + moment) });
      await inserted({ ownerId: 'them' });
      const seen: ContainerRow[] = [];
      for (;;) {
        const last = seen.at(-1);
        const page = await containers.list({
          ownerId: 'me',
          limit: 2,
          ...(last === undefined ? {} : { after: { createdAt: last.createdAt, id: last.id } }),
        });
        if (page.length === 0) break;
        seen.push(...page);
      }
      expect(seen.map(({ createdAt }) => createdAt.getTime() - T0.getTime())).toEqual([3, 3, 2, 2, 2, 1, 0]);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(7);
      await expect(containers.list({ ownerId: 'me', limit: 100 })).resolves.toEqual(seen);
    });

    it('keeps its place when containers come and go between pages', async () => {
      for (const moment of [1, 2, 3, 4]) await inserted({ ownerId: 'me', createdAt: new Date(T0.getTime() + moment) });
      const [newest, second] = await containers.list({ ownerId: 'me', limit: 2 });
      await inserted({ ownerId: 'me', createdAt: new Date(T0.getTime() + 5) });
      const lease = await containers.acquireLease(second!.id, 'h', 1_000);
      await containers.tombstone(second!.id, lease!);
      const rest = await containers.list({
        ownerId: 'me',
        limit: 10,
        after: { createdAt: second!.createdAt, id: second!.id },
      });
      expect(rest.map(({ createdAt }) => createdAt.getTime() - T0.getTime())).toEqual([2, 1]);
      expect(newest!.createdAt.getTime() - T0.getTime()).toBe(4);
    });

    it('filters by status and template', async () => {
      const wanted = await inserted({ ownerId: 'me', status: 'stopped', template: 'claude' });
      await inserted({ ownerId: 'me', status: 'stopped', template: 'both' });
      await inserted({ ownerId: 'me', status: 'running', template: 'claude' });
      await expect(
        containers.list({ ownerId: 'me', status: 'stopped', template: 'claude', limit: 10 }),
      ).resolves.toEqual([wanted]);
      await expect(containers.list({ ownerId: 'me', status: 'stopped', limit: 10 })).resolves.toHaveLength(2);
      await expect(containers.list({ ownerId: 'me', template: 'claude', limit: 10 })).resolves.toHaveLength(2);
    });
  });

  describe('transition', () => {
    it('moves the container, its job and a new job together', async () => {
      const row = containerRow({ status: 'starting', statusReason: { code: 'old', message: 'old' } });
      const [job, clone] = [jobRow(row), jobRow(row, { name: 'clone' })];
      await containers.insert(row, job);
      const moved = await containers.transition(row.id, {
        from: ['starting'],
        to: 'cloning',
        patch: { jobId: clone.id, startedAt: T0 },
        job: { id: job.id, patch: { state: 'completed', progress: 100, finishedAt: T0 } },
        newJob: clone,
      });
      expect(moved).toMatchObject({ status: 'cloning', statusReason: null, jobId: clone.id, startedAt: T0 });
      expect(moved!.updatedAt.getTime()).toBeGreaterThan(T0.getTime());
      await expect(containers.findById(row.id)).resolves.toEqual(moved);
      await expect(jobs.findById(job.id)).resolves.toMatchObject({ state: 'completed', progress: 100, finishedAt: T0 });
      await expect(jobs.findById(clone.id)).resolves.toEqual(clone);
    });

    it('answers with the row whether or not a job moves with it', async () => {
      const row = containerRow({ status: 'queued' });
      const job = jobRow(row);
      await containers.insert(row, job);
      const alone = await containers.transition(row.id, { from: ['queued'], to: 'creating', patch: { image: 'i' } });
      const together = await containers.transition(row.id, {
        from: ['creating'],
        to: 'starting',
        patch: { runtimeId: 'd' },
        job: { id: job.id, patch: { step: 's' } },
      });
      expect(alone).toEqual({ ...row, status: 'creating', image: 'i', updatedAt: expect.any(Date) });
      expect(together).toEqual({ ...row, status: 'starting', image: 'i', runtimeId: 'd', updatedAt: expect.any(Date) });
    });

    it('writes nothing from a status that is not meant', async () => {
      const row = containerRow({ status: 'deleting' });
      const [job, other] = [jobRow(row), jobRow(row)];
      await containers.insert(row, job);
      const change = {
        from: ['running'] as const,
        to: 'stopping' as const,
        patch: { image: 'x' },
        job: { id: job.id, patch: { state: 'failed' as const } },
      };
      await expect(containers.transition(row.id, change)).resolves.toBeNull();
      await expect(containers.transition(row.id, { ...change, newJob: other })).resolves.toBeNull();
      await expect(containers.findById(row.id)).resolves.toEqual(row);
      await expect(jobs.findById(job.id)).resolves.toEqual(job);
      await expect(jobs.findById(other.id)).resolves.toBeNull();
      await expect(containers.transition(randomUUID(), change)).resolves.toBeNull();
    });

    it('lets one of many make a step', async () => {
      const row = await inserted({ status: 'running' });
      const steps = await Promise.all(
        Array.from({ length: 10 }, () => containers.transition(row.id, { from: ['running'], to: 'stopping' })),
      );
      expect(steps.filter((step) => step !== null)).toHaveLength(1);
    });
  });

  describe('jobs', () => {
    it('are updated in part, and answer null when they are gone', async () => {
      const row = containerRow();
      const job = jobRow(row);
      await containers.insert(row, job);
      await expect(jobs.update(job.id, { progress: 42, message: 'm' })).resolves.toEqual({
        ...job,
        progress: 42,
        message: 'm',
        updatedAt: expect.any(Date),
      });
      await expect(jobs.update(randomUUID(), { progress: 1 })).resolves.toBeNull();
    });

    it('are counted by name and state as long as they are not finished', async () => {
      await expect(jobs.countUnfinished()).resolves.toEqual([]);
      const add = async (overrides: Parameters<typeof jobRow>[1]): Promise<void> => {
        const row = containerRow();
        await containers.insert(row, jobRow(row, overrides));
      };
      for (const state of ['queued', 'queued', 'active'] as const) await add({ state });
      await add({ name: 'clone' });
      await add({ state: 'completed', finishedAt: T0 });
      const counts = await jobs.countUnfinished();
      expect(counts.map(({ name, state, count }) => `${name} ${state} ${count}`).toSorted()).toEqual([
        'clone queued 1',
        'create active 1',
        'create queued 2',
      ]);
    });
  });

  describe('a removed container', () => {
    async function buried(overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> {
      const row = containerRow({
        env: { SECRET: 'hunter2' },
        sshKeyPath: '/keys/hunter2',
        repoUrl: 'git@hunter2:r',
        status: 'deleting',
        ...overrides,
      });
      await containers.insert(row, jobRow(row, { message: 'hunter2' }), { key: row.id, bodyHash: 'h' });
      const lease = await containers.acquireLease(row.id, 'holder', 60_000);
      await containers.tombstone(row.id, lease!);
      return row;
    }

    it('is found by nobody, and its name and key are free', async () => {
      const row = await buried({ name: 'again' });
      await expect(
        Promise.all([
          containers.findById(row.id),
          containers.findByName('again'),
          containers.listAll(),
          containers.list({ ownerId: row.ownerId, limit: 10 }),
        ]),
      ).resolves.toEqual([null, null, [], []]);
      await expect(containers.update(row.id, { image: 'x' })).resolves.toBeNull();
      await expect(containers.transition(row.id, { from: ['deleting'], to: 'deleting' })).resolves.toBeNull();
      await expect(containers.acquireLease(row.id, 'other', 1_000)).resolves.toBeNull();
      const next = containerRow({ name: 'again' });
      await expect(containers.insert(next, jobRow(next), { key: row.id, bodyHash: 'other' })).resolves.toEqual({
        kind: 'inserted',
      });
    });

    it('leaves nothing of its user behind', async () => {
      await buried();
      const { rows } = await test.database.pool.query('select * from containers');
      expect(rows).toHaveLength(1);
      expect(JSON.stringify(rows)).not.toContain('hunter2');
      await expect(Promise.all([count('jobs'), count('idempotency_keys')])).resolves.toEqual([0, 0]);
    });

    it('is not buried by one who lost it', async () => {
      const row = await inserted({ status: 'deleting' });
      const lost = await containers.acquireLease(row.id, 'first', 60_000);
      await containers.releaseLeasesOf('first');
      await containers.acquireLease(row.id, 'second', 60_000);
      await containers.tombstone(row.id, lost!);
      await expect(containers.findById(row.id)).resolves.not.toBeNull();
      await expect(count('jobs')).resolves.toBe(1);
    });

    it('is known as ours until it is purged', async () => {
      const [kept, gone, alive] = [await buried({ keepVolume: true }), await buried(), await inserted()];
      const ids = [kept.id, gone.id, alive.id, randomUUID()];
      const found = await containers.tombstones(ids);
      expect(found).toHaveLength(2);
      expect(found).toEqual(
        expect.arrayContaining([
          { id: kept.id, keepVolume: true },
          { id: gone.id, keepVolume: false },
        ]),
      );
      await expect(containers.tombstones([])).resolves.toEqual([]);
      const past = new Date(Date.now() - 60_000);
      const future = new Date(Date.now() + 60_000);
      await containers.purge({ idempotencyKeys: past, tombstones: past });
      await expect(containers.tombstones(ids)).resolves.toHaveLength(2);
      await containers.purge({ idempotencyKeys: past, tombstones: future });
      await expect(containers.tombstones(ids)).resolves.toEqual([]);
      await expect(containers.findById(alive.id)).resolves.toEqual(alive);
    });
  });

  it('notes the latest that VS Code was seen in use, and touches nothing else', async () => {
    const row = await inserted();
    const later = new Date(T0.getTime() + 5_000);
    await containers.noteEditorSeen(row.id, later);
    await containers.noteEditorSeen(row.id, T0);
    await expect(containers.findById(row.id)).resolves.toEqual({ ...row, editorLastSeenAt: later });
    await containers.noteEditorSeen(randomUUID(), later);
  });

  describe('sign-in tickets', () => {
    it('can be taken once, by one of many', async () => {
      const { id } = await inserted();
      const tickets = new DrizzleSignInTicketsRepository(test.database);
      const ticket = { hash: 'h', containerId: id, port: 3000, expiresAt: new Date(T0.getTime() + 1_000) };
      await tickets.insert(ticket, T0);
      const taken = await Promise.all(Array.from({ length: 8 }, () => tickets.take('h')));
      expect(taken.filter((each) => each !== null)).toEqual([ticket]);
      await expect(tickets.take('h')).resolves.toBeNull();
      await expect(tickets.take('unknown')).resolves.toBeNull();
    });

    it('are forgotten when they are over', async () => {
      const { id } = await inserted();
      const tickets = new DrizzleSignInTicketsRepository(test.database);
      await tickets.insert({ hash: 'old', containerId: id, port: null, expiresAt: T0 }, T0);
      await tickets.insert(
        { hash: 'new', containerId: id, port: null, expiresAt: new Date(T0.getTime() + 2_000) },
        new Date(T0.getTime() + 1),
      );
      await expect(count('sign_in_tickets')).resolves.toBe(1);
    });
  });

  it('forgets old idempotency keys and keeps the containers', async () => {
    const row = containerRow();
    await containers.insert(row, jobRow(row), { key: 'old', bodyHash: 'h' });
    await containers.purge({ idempotencyKeys: T0, tombstones: T0 });
    await expect(count('idempotency_keys')).resolves.toBe(1);
    await containers.purge({ idempotencyKeys: new Date(T0.getTime() + 1), tombstones: T0 });
    await expect(count('idempotency_keys')).resolves.toBe(0);
    await expect(containers.findById(row.id)).resolves.toEqual(row);
  });
});
