/** The repository of refused connections on a real PostgreSQL, and the columns of egress. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleEgressDenialsRepository } from '../../src/persistence/egress/drizzle-egress-denials.repository.js';
import type { EgressDenialRow } from '../../src/persistence/egress/egress-denials.repository.js';
import { containerRow, jobRow, projectRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const MAX = 1_000;

describe('the repository of refused connections', () => {
  let test: TestDatabase;
  let denials: DrizzleEgressDenialsRepository;
  let containers: DrizzleContainersRepository;
  let container: ContainerRow;

  beforeAll(async () => {
    test = await openTestDatabase();
    denials = new DrizzleEgressDenialsRepository(test.database);
    containers = new DrizzleContainersRepository(test.database);
  }, 60_000);
  beforeEach(async () => {
    await test.database.pool.query('truncate containers, jobs, egress_denials cascade');
    container = await insertContainer();
  });
  afterAll(() => test.close());

  async function insertContainer(overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> {
    const row = containerRow(overrides);
    await expect(containers.insert(row, jobRow(row))).resolves.toEqual({ kind: 'inserted' });
    return row;
  }
  const denial = (seq: number, overrides: Partial<EgressDenialRow> = {}): EgressDenialRow => ({
    containerId: container.id,
    seq,
    at: T0,
    host: 'example.org',
    port: 443,
    reason: 'not_allowed',
    attempts: 1,
    ...overrides,
  });
  const many = (from: number, to: number): EgressDenialRow[] =>
    Array.from({ length: to - from + 1 }, (_, index) => denial(from + index));
  const seqs = (rows: { seq: number }[]): number[] => rows.map(({ seq }) => seq);

  it('stores each denial once, whoever comes with it, and says what was stored', async () => {
    await expect(denials.insert([], MAX)).resolves.toEqual([]);
    const stored = await denials.insert(many(1, 3), MAX);
    expect(stored).toEqual(many(1, 3).map((row) => ({ ...row, projectId: container.projectId })));
    const both = await Promise.all([denials.insert(many(2, 6), MAX), denials.insert(many(2, 6), MAX)]);
    expect(both.flatMap(seqs).toSorted()).toEqual([4, 5, 6]);
    await expect(denials.list(container.id, 0, 100)).resolves.toEqual(many(1, 6));
    await expect(denials.list(container.id, 2, 3)).resolves.toEqual(many(3, 5));
  });

  it('stores nothing of containers that are unknown or removed, and the others of the same batch', async () => {
    const removed = await insertContainer();
    await denials.insert([denial(1, { containerId: removed.id })], MAX);
    await containers.tombstone(removed.id, (await containers.acquireLease(removed.id, 'me', 10_000))!);
    const batch = [denial(1, { containerId: randomUUID() }), denial(2, { containerId: removed.id }), denial(1)];
    expect(seqs(await denials.insert(batch, MAX))).toEqual([1]);
    await expect(denials.list(removed.id, 0, 10)).resolves.toEqual([]);
    await expect(denials.insert(batch.slice(0, 2), MAX)).resolves.toEqual([]);
  });

  it('keeps the latest of each container', async () => {
    const other = await insertContainer();
    await denials.insert([denial(1, { containerId: other.id })], 5);
    await denials.insert(many(1, 9), 5);
    await expect(denials.list(container.id, 0, 100).then(seqs)).resolves.toEqual([5, 6, 7, 8, 9]);
    await denials.insert(many(10, 11), 5);
    await expect(denials.list(container.id, 0, 100).then(seqs)).resolves.toEqual([7, 8, 9, 10, 11]);
    await expect(denials.lastOfEach()).resolves.toEqual(
      new Map([
        [container.id, 11],
        [other.id, 1],
      ]),
    );
  });

  it('deletes old ones, some at a time', async () => {
    const later = new Date(T0.getTime() + 1_000);
    await denials.insert([...many(1, 5), denial(6, { at: later })], MAX);
    await expect(denials.removeBefore(later, 3)).resolves.toBe(3);
    await expect(denials.removeBefore(later, 3)).resolves.toBe(2);
    await expect(denials.removeBefore(later, 3)).resolves.toBe(0);
    await expect(denials.list(container.id, 0, 100).then(seqs)).resolves.toEqual([6]);
  });

  it('is beside what containers may reach and what projects allow', async () => {
    const egressAllow = [{ host: '*.example.org', ports: [443, 22] }];
    const row = await insertContainer({ egress: 'restricted', egressAllow, egressSets: ['git', 'packages'] });
    await expect(containers.findById(row.id, EVERYTHING)).resolves.toMatchObject({
      egress: 'restricted',
      egressAllow,
      egressSets: ['git', 'packages'],
    });
    const lease = (await containers.acquireLease(row.id, 'me', 10_000))!;
    await expect(containers.changeSpec(row.id, { egress: 'none' }, lease)).resolves.toMatchObject({ egress: 'none' });
    const projects = new DrizzleProjectsRepository(test.database);
    const project = projectRow({ egress: { forbidOpen: true } });
    await projects.insert(project);
    await expect(projects.findById(project.id, EVERYTHING)).resolves.toEqual(project);
    await expect(projects.update(project.id, { egress: {} })).resolves.toMatchObject({ row: { egress: {} } });
  });

  it('inserts no open container into a project that forbids it, and leaves its idempotency key unused', async () => {
    const projects = new DrizzleProjectsRepository(test.database);
    const project = projectRow({ egress: { forbidOpen: true } });
    await projects.insert(project);
    const row = containerRow({ projectId: project.id, egress: 'open' });
    const key = { key: 'again', bodyHash: 'h' };
    for (const withKey of [undefined, key])
      await expect(containers.insert(row, jobRow(row), withKey)).resolves.toEqual({ kind: 'open_forbidden' });
    await expect(containers.findById(row.id, EVERYTHING)).resolves.toBeNull();
    const restricted: ContainerRow = { ...row, egress: 'restricted' };
    await expect(containers.insert(restricted, jobRow(row), key)).resolves.toEqual({ kind: 'inserted' });
    await projects.update(project.id, { egress: { forbidOpen: false } });
    const other = containerRow({ projectId: project.id, egress: 'open' });
    await expect(containers.insert(other, jobRow(other))).resolves.toEqual({ kind: 'inserted' });
  });
});
