/** The repositories of containers, jobs and sign-in tickets on a real PostgreSQL: transactions, races, tombstones. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type {
  ContainerRow,
  ContainersRepository,
  InsertOutcome,
  JobRow,
} from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleJobsRepository } from '../../src/persistence/containers/drizzle-jobs.repository.js';
import { DrizzleSignInTicketsRepository } from '../../src/persistence/auth/drizzle-sign-in-tickets.repository.js';
import type { JobsRepository } from '../../src/persistence/containers/jobs.repository.js';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import { type ContainerStatus, DEFAULT_PROJECT } from '../../src/persistence/types.js';
import { containerRow, jobRow, projectRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

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

  async function insertedProject(): Promise<{ id: string }> {
    const row = projectRow();
    await new DrizzleProjectsRepository(test.database).insert(row);
    return row;
  }

  const kinds = (outcomes: InsertOutcome[]): Record<string, number> =>
    Object.fromEntries(
      Object.entries(Object.groupBy(outcomes, ({ kind }) => kind)).map(([kind, all]) => [kind, all.length]),
    );
  const count = async (table: string): Promise<number> =>
    Number((await test.database.pool.query<{ count: string }>(`select count(*) from ${table}`)).rows[0]?.count);

  describe('ContainersRepository.insert', () => {
    it('stores all values of the container and its job', async () => {
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
      await expect(containers.findById(row.id, EVERYTHING)).resolves.toEqual(row);
      await expect(containers.findByName(row.name, EVERYTHING)).resolves.toEqual([row]);
      await expect(jobs.findById(job.id, EVERYTHING)).resolves.toEqual(job);
      await expect(jobs.findByIds([job.id, randomUUID()])).resolves.toEqual([job]);
      await expect(jobs.findByIds([])).resolves.toEqual([]);
    });

    it('refuses a name that is in use, and inserts nothing', async () => {
      const row = await inserted({ name: 'taken' });
      const second = containerRow({ name: 'taken' });
      await expect(containers.insert(second, jobRow(second))).resolves.toEqual({ kind: 'name_taken' });
      await expect(containers.findByName('taken', EVERYTHING)).resolves.toMatchObject([{ id: row.id }]);
      await expect(Promise.all([count('containers'), count('jobs')])).resolves.toEqual([1, 1]);
    });

    it('gives a name to one of many concurrent requests', async () => {
      const rows = Array.from({ length: 20 }, () => containerRow({ name: 'wanted' }));
      const outcomes = await Promise.all(rows.map((row) => containers.insert(row, jobRow(row))));
      expect(kinds(outcomes)).toEqual({ inserted: 1, name_taken: 19 });
      await expect(Promise.all([count('containers'), count('jobs')])).resolves.toEqual([1, 1]);
    });

    it('rejects with any other error of the database', async () => {
      const row = await inserted();
      await expect(containers.insert({ ...row, name: 'other' }, jobRow(row))).rejects.toThrow('containers_pkey');
    });
  });

  describe('an idempotency key', () => {
    const key = { key: 'k', bodyHash: 'h' };

    it('returns the same container for a repeated request, though its name is in use by now', async () => {
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

    it('is independent of the same key of another owner', async () => {
      const [mine, theirs] = [containerRow({ ownerId: 'me' }), containerRow({ ownerId: 'them' })];
      await containers.insert(mine, jobRow(mine), key);
      await expect(containers.insert(theirs, jobRow(theirs), key)).resolves.toEqual({ kind: 'inserted' });
    });

    it('makes one container of twenty concurrent requests', async () => {
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

    it('is not used up by a request that failed', async () => {
      await inserted({ name: 'taken' });
      const refused = containerRow({ name: 'taken' });
      await expect(containers.insert(refused, jobRow(refused), key)).resolves.toEqual({ kind: 'name_taken' });
      const other = containerRow();
      await expect(containers.insert(other, jobRow(other), { ...key, bodyHash: 'other' })).resolves.toEqual({
        kind: 'inserted',
      });
    });
  });

  describe('ContainersRepository.list', () => {
    it('returns the newest first, and each container on one page even when several have the same timestamp', async () => {
      const moments = [3, 1, 2, 2, 2, 0, 3];
      for (const moment of moments) await inserted({ ownerId: 'me', createdAt: new Date(T0.getTime() + moment) });
      const seen: ContainerRow[] = [];
      for (;;) {
        const last = seen.at(-1);
        const page = await containers.list({
          scope: EVERYTHING,
          limit: 2,
          ...(last === undefined ? {} : { after: { createdAt: last.createdAt, id: last.id } }),
        });
        if (page.length === 0) break;
        seen.push(...page);
      }
      expect(seen.map(({ createdAt }) => createdAt.getTime() - T0.getTime())).toEqual([3, 3, 2, 2, 2, 1, 0]);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(7);
      await expect(containers.list({ scope: EVERYTHING, limit: 100 })).resolves.toEqual(seen);
    });

    it('continues at the same position when containers are created and removed between pages', async () => {
      for (const moment of [1, 2, 3, 4]) await inserted({ ownerId: 'me', createdAt: new Date(T0.getTime() + moment) });
      const [newest, second] = await containers.list({ scope: EVERYTHING, limit: 2 });
      await inserted({ ownerId: 'me', createdAt: new Date(T0.getTime() + 5) });
      const lease = await containers.acquireLease(second!.id, 'h', 1_000);
      await containers.tombstone(second!.id, lease!);
      const rest = await containers.list({
        scope: EVERYTHING,
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
        containers.list({ scope: EVERYTHING, status: 'stopped', template: 'claude', limit: 10 }),
      ).resolves.toEqual([wanted]);
      await expect(containers.list({ scope: EVERYTHING, status: 'stopped', limit: 10 })).resolves.toHaveLength(2);
      await expect(containers.list({ scope: EVERYTHING, template: 'claude', limit: 10 })).resolves.toHaveLength(2);
    });
  });

  describe('ContainersRepository.transition', () => {
    it('updates the container and its job, and inserts a new job, together', async () => {
      const row = containerRow({ status: 'starting', statusReason: { code: 'old', message: 'old' } });
      const [job, next] = [jobRow(row), jobRow(row)];
      await containers.insert(row, job);
      const updated = await containers.transition(row.id, {
        from: ['starting'],
        to: 'cloning',
        patch: { jobId: next.id, startedAt: T0 },
        job: { id: job.id, patch: { state: 'completed', progress: 100, finishedAt: T0 } },
        newJob: next,
      });
      expect(updated).toMatchObject({ status: 'cloning', statusReason: null, jobId: next.id, startedAt: T0 });
      expect(updated!.updatedAt.getTime()).toBeGreaterThan(T0.getTime());
      await expect(containers.findById(row.id, EVERYTHING)).resolves.toEqual(updated);
      await expect(jobs.findById(job.id, EVERYTHING)).resolves.toMatchObject({
        state: 'completed',
        progress: 100,
        finishedAt: T0,
      });
      await expect(jobs.findById(next.id, EVERYTHING)).resolves.toEqual(next);
    });

    it('returns the new row with and without an update of a job', async () => {
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

    it('writes nothing when the status is not an expected one', async () => {
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
      await expect(containers.findById(row.id, EVERYTHING)).resolves.toEqual(row);
      await expect(jobs.findById(job.id, EVERYTHING)).resolves.toEqual(job);
      await expect(jobs.findById(other.id, EVERYTHING)).resolves.toBeNull();
      await expect(containers.transition(randomUUID(), change)).resolves.toBeNull();
    });

    it('lets one of many concurrent transitions succeed', async () => {
      const row = await inserted({ status: 'running' });
      const steps = await Promise.all(
        Array.from({ length: 10 }, () => containers.transition(row.id, { from: ['running'], to: 'stopping' })),
      );
      expect(steps.filter((step) => step !== null)).toHaveLength(1);
    });
  });

  describe('JobsRepository', () => {
    it('updates some columns of a job, and returns null when it does not exist', async () => {
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

    it('counts unfinished jobs by queue and state', async () => {
      await expect(jobs.countUnfinished()).resolves.toEqual([]);
      const add = async (overrides: Partial<JobRow>, status: ContainerStatus = 'creating'): Promise<void> => {
        const row = containerRow({ status });
        await containers.insert(row, jobRow(row, overrides));
      };
      for (const state of ['queued', 'queued', 'active'] as const) await add({ state });
      await add({}, 'cloning');
      // As 0.1.0 wrote it.
      await add({ name: 'clone', state: 'active' }, 'cloning');
      await add({ state: 'completed', finishedAt: T0 });
      const counts = await jobs.countUnfinished();
      expect(counts.map(({ name, state, count }) => `${name} ${state} ${count}`).toSorted()).toEqual([
        'clone active 1',
        'clone queued 1',
        'create active 1',
        'create queued 2',
      ]);
    });
  });

  describe('a removed container', () => {
    async function tombstoned(overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> {
      const row = containerRow({
        env: { SECRET: 'hunter2' },
        sshKeyPath: '/keys/hunter2',
        repoUrl: 'git@hunter2:r',
        gitName: 'hunter2',
        gitEmail: 'hunter2@example.org',
        status: 'deleting',
        ...overrides,
      });
      await containers.insert(row, jobRow(row, { message: 'hunter2' }), { key: row.id, bodyHash: 'h' });
      const lease = await containers.acquireLease(row.id, 'holder', 60_000);
      await containers.tombstone(row.id, lease!);
      return row;
    }

    it('is not found any more, and its name and idempotency key can be used again', async () => {
      const row = await tombstoned({ name: 'again' });
      await expect(
        Promise.all([
          containers.findById(row.id, EVERYTHING),
          containers.findByName('again', EVERYTHING),
          containers.listAll(),
          containers.list({ scope: EVERYTHING, limit: 10 }),
        ]),
      ).resolves.toEqual([null, [], [], []]);
      await expect(containers.update(row.id, { image: 'x' })).resolves.toBeNull();
      await expect(containers.transition(row.id, { from: ['deleting'], to: 'deleting' })).resolves.toBeNull();
      await expect(containers.acquireLease(row.id, 'other', 1_000)).resolves.toBeNull();
      const next = containerRow({ name: 'again' });
      await expect(containers.insert(next, jobRow(next), { key: row.id, bodyHash: 'other' })).resolves.toEqual({
        kind: 'inserted',
      });
    });

    it('leaves no values of its user behind', async () => {
      await tombstoned();
      const { rows } = await test.database.pool.query('select * from containers');
      expect(rows).toHaveLength(1);
      expect(JSON.stringify(rows)).not.toContain('hunter2');
      await expect(Promise.all([count('jobs'), count('idempotency_keys')])).resolves.toEqual([0, 0]);
    });

    it('is not made a tombstone by a holder that lost its lease', async () => {
      const row = await inserted({ status: 'deleting' });
      const lost = await containers.acquireLease(row.id, 'first', 60_000);
      await containers.releaseLeasesOf('first');
      await containers.acquireLease(row.id, 'second', 60_000);
      await containers.tombstone(row.id, lost!);
      await expect(containers.findById(row.id, EVERYTHING)).resolves.not.toBeNull();
      await expect(count('jobs')).resolves.toBe(1);
    });

    it('stays known as a tombstone until it is purged', async () => {
      const [kept, removed, alive] = [await tombstoned({ keepVolume: true }), await tombstoned(), await inserted()];
      const ids = [kept.id, removed.id, alive.id, randomUUID()];
      const found = await containers.tombstones(ids);
      expect(found).toHaveLength(2);
      expect(found).toEqual(
        expect.arrayContaining([
          { id: kept.id, keepVolume: true },
          { id: removed.id, keepVolume: false },
        ]),
      );
      await expect(containers.tombstones([])).resolves.toEqual([]);
      const past = new Date(Date.now() - 60_000);
      const future = new Date(Date.now() + 60_000);
      await containers.purge({ idempotencyKeys: past, tombstones: past });
      await expect(containers.tombstones(ids)).resolves.toHaveLength(2);
      await containers.purge({ idempotencyKeys: past, tombstones: future });
      await expect(containers.tombstones(ids)).resolves.toEqual([{ id: kept.id, keepVolume: true }]);
      await containers.releaseVolume(kept.id);
      await containers.purge({ idempotencyKeys: past, tombstones: future });
      await expect(containers.tombstones(ids)).resolves.toEqual([]);
      await expect(containers.findById(alive.id, EVERYTHING)).resolves.toEqual(alive);
    });

    it('is listed with its kept volume, and with the container that has it now', async () => {
      const kept = await tombstoned({ keepVolume: true, template: 'claude' });
      await tombstoned();
      const { id: projectId } = await insertedProject();
      const other = await tombstoned({ keepVolume: true, projectId });
      const listed = {
        id: kept.id,
        projectId: DEFAULT_PROJECT.id,
        containerName: kept.name,
        template: 'claude',
        keptAt: expect.any(Date),
      };
      await expect(containers.keptVolumes([DEFAULT_PROJECT.id])).resolves.toEqual([{ ...listed, attachedTo: null }]);
      const user = await inserted({ dataId: kept.id });
      await expect(containers.findById(user.id, EVERYTHING)).resolves.toMatchObject({ dataId: kept.id });
      await expect(containers.keptVolumes([DEFAULT_PROJECT.id])).resolves.toEqual([{ ...listed, attachedTo: user.id }]);
      await expect(containers.keptVolumes(EVERYTHING)).resolves.toMatchObject([{ id: other.id }, { id: kept.id }]);
      await expect(containers.keptVolumes([])).resolves.toEqual([]);
    });

    it('gives its volume to one of many containers, and only to those of its project', async () => {
      const [kept, gone] = [await tombstoned({ keepVolume: true }), await tombstoned()];
      const insert = (overrides: Partial<ContainerRow>): Promise<InsertOutcome> => {
        const row = containerRow(overrides);
        return containers.insert(row, jobRow(row), { key: row.id, bodyHash: 'h' });
      };
      const refused = { kind: 'volume_not_found' };
      await expect(insert({ dataId: kept.id, projectId: (await insertedProject()).id })).resolves.toEqual(refused);
      for (const dataId of [gone.id, randomUUID()]) await expect(insert({ dataId })).resolves.toEqual(refused);
      await expect(Promise.all([count('jobs'), count('idempotency_keys')])).resolves.toEqual([0, 0]);
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => insert({ dataId: kept.id })));
      expect(kinds(outcomes)).toEqual({ inserted: 1, volume_in_use: 4 });
    });

    it('has its volume released unless a container has it, also by a request at the same time', async () => {
      const kept = await tombstoned({ keepVolume: true });
      const user = containerRow({ dataId: kept.id });
      const [attached, released] = await Promise.all([
        containers.insert(user, jobRow(user)),
        containers.releaseVolume(kept.id),
      ]);
      expect([attached.kind, released]).toEqual(
        attached.kind === 'inserted' ? ['inserted', 'in_use'] : ['volume_not_found', 'released'],
      );
      const other = await tombstoned({ keepVolume: true });
      await expect(containers.releaseVolume(other.id)).resolves.toBe('released');
      await expect(containers.releaseVolume(other.id)).resolves.toBe('not_found');
      await expect(containers.tombstones([other.id])).resolves.toEqual([{ id: other.id, keepVolume: false }]);
    });

    it.each([true, false])(
      'decides what becomes of the volume that it had from another (keep: %s)',
      async (keepVolume) => {
        const kept = await tombstoned({ keepVolume: true });
        await tombstoned({ dataId: kept.id, keepVolume });
        await expect(containers.tombstones([kept.id])).resolves.toEqual([{ id: kept.id, keepVolume }]);
        await expect(containers.keptVolumes([DEFAULT_PROJECT.id])).resolves.toHaveLength(keepVolume ? 1 : 0);
      },
    );
  });

  it('changes the spec under its lease, unless another container has the name', async () => {
    const [row, other] = [await inserted(), await inserted()];
    const lease = (await containers.acquireLease(row.id, 'holder', 60_000))!;
    const patch = {
      name: 'renamed',
      env: { A: '2' },
      cpuLimit: 0.5,
      pendingChanges: ['name' as const, 'env' as const],
    };
    await expect(containers.changeSpec(row.id, patch, lease)).resolves.toMatchObject(patch);
    await expect(containers.changeSpec(row.id, { name: other.name }, lease)).resolves.toBe('name_taken');
    await expect(containers.changeSpec(row.id, {}, { ...lease, fence: lease.fence - 1 })).resolves.toBeNull();
    await expect(containers.findByName('renamed', EVERYTHING)).resolves.toMatchObject([{ id: row.id, ...patch }]);
  });

  it('records the latest activity in VS Code and changes no other column', async () => {
    const row = await inserted();
    const later = new Date(T0.getTime() + 5_000);
    await containers.noteEditorSeen(row.id, later);
    await containers.noteEditorSeen(row.id, T0);
    await expect(containers.findById(row.id, EVERYTHING)).resolves.toEqual({ ...row, editorLastSeenAt: later });
    await containers.noteEditorSeen(randomUUID(), later);
  });

  describe('SignInTicketsRepository', () => {
    it('gives a ticket to one of many concurrent callers, once', async () => {
      const { id } = await inserted();
      const tickets = new DrizzleSignInTicketsRepository(test.database);
      const ticket = {
        hash: 'h',
        containerId: id,
        port: 3000,
        apiKeyId: null,
        sessionId: null,
        expiresAt: new Date(T0.getTime() + 1_000),
      };
      await tickets.insert(ticket, T0);
      const taken = await Promise.all(Array.from({ length: 8 }, () => tickets.take('h')));
      expect(taken.filter((each) => each !== null)).toEqual([ticket]);
      await expect(tickets.take('h')).resolves.toBeNull();
      await expect(tickets.take('unknown')).resolves.toBeNull();
    });

    it('deletes expired tickets', async () => {
      const { id } = await inserted();
      const tickets = new DrizzleSignInTicketsRepository(test.database);
      const ticket = { containerId: id, port: null, apiKeyId: null, sessionId: null };
      const [now, later] = [1, 2_000].map((ms) => new Date(T0.getTime() + ms)) as [Date, Date];
      await tickets.insert({ ...ticket, hash: 'old', expiresAt: T0 }, T0);
      await tickets.insert({ ...ticket, hash: 'new', expiresAt: later }, now);
      await expect(count('sign_in_tickets')).resolves.toBe(1);
    });
  });

  it('deletes old idempotency keys and keeps their containers', async () => {
    const row = containerRow();
    await containers.insert(row, jobRow(row), { key: 'old', bodyHash: 'h' });
    await containers.purge({ idempotencyKeys: T0, tombstones: T0 });
    await expect(count('idempotency_keys')).resolves.toBe(1);
    await containers.purge({ idempotencyKeys: new Date(T0.getTime() + 1), tombstones: T0 });
    await expect(count('idempotency_keys')).resolves.toBe(0);
    await expect(containers.findById(row.id, EVERYTHING)).resolves.toEqual(row);
  });
});
