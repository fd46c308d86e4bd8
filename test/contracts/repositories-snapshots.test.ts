/** Snapshots of containers, on a real PostgreSQL. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { QuotaExceededError } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import { EVERYTHING } from '../../src/persistence/everything.js';
import { DrizzleSnapshotsRepository } from '../../src/persistence/snapshots/drizzle-snapshots.repository.js';
import type { SnapshotRow } from '../../src/persistence/snapshots/snapshots.repository.js';
import type { ProjectQuotas } from '../../src/persistence/types.js';
import { containerRow, jobRow, projectRow, snapshotRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';

const MIB = 1024 * 1024;

describe('the snapshots of containers', () => {
  let test: TestDatabase;
  let snapshots: DrizzleSnapshotsRepository;
  let containers: DrizzleContainersRepository;
  let projects: DrizzleProjectsRepository;
  let projectId: string;

  const project = async (quotas: ProjectQuotas = {}): Promise<string> => {
    const row = projectRow({ quotas });
    await projects.insert(row);
    return row.id;
  };
  const ofProject = (overrides: Partial<SnapshotRow> = {}) => snapshotRow({ projectId, ...overrides });
  const ready = async (overrides: Partial<SnapshotRow> = {}, bytes = MIB): Promise<SnapshotRow> => {
    const row = ofProject(overrides);
    await snapshots.insert(row);
    await expect(snapshots.markReady(row.id, { bytes, pausedMs: 7 })).resolves.toBe(true);
    return { ...row, bytes, pausedMs: 7, state: 'ready' };
  };

  beforeAll(async () => {
    test = await openTestDatabase();
    snapshots = new DrizzleSnapshotsRepository(test.database);
    containers = new DrizzleContainersRepository(test.database);
    projects = new DrizzleProjectsRepository(test.database);
  }, 60_000);
  beforeEach(async () => {
    await test.database.pool.query('truncate snapshots, containers, jobs cascade');
    projectId = await project();
  });
  afterAll(() => test.close());

  it('are shown to their project once they are complete, latest first', async () => {
    const containerId = randomUUID();
    const first = await ready({ containerId });
    const second = await ready({ containerId, createdAt: new Date(T0.getTime() + 1) });
    const other = await ready();
    await ready({ purpose: 'fork', containerId });
    await snapshots.insert(ofProject({ containerId }));
    await expect(snapshots.list([projectId], containerId)).resolves.toEqual([second, first]);
    await expect(snapshots.list([projectId])).resolves.toHaveLength(3);
    await expect(snapshots.list([randomUUID()])).resolves.toEqual([]);
    await expect(snapshots.findById(other.id, [projectId])).resolves.toEqual(other);
    await expect(snapshots.findById(other.id, [])).resolves.toBeNull();
    const unsettled = await snapshots.listUnsettled();
    expect(unsettled.map(({ purpose, state }) => `${purpose} ${state}`).toSorted()).toEqual([
      'fork ready',
      'kept making',
    ]);
  });

  it('count in the quota of their project by their size, but not those of copies', async () => {
    projectId = await project({ snapshotMB: 10 });
    await ready({ purpose: 'fork' }, 100 * MIB);
    await ready({}, 8 * MIB + 1);
    const usage = await projects.usage(projectId);
    expect(usage.snapshotMB).toBe(9);
    const large = ofProject();
    await snapshots.insert(large);
    await expect(snapshots.markReady(large.id, { bytes: 2 * MIB, pausedMs: 0 })).rejects.toThrow(QuotaExceededError);
    await expect(snapshots.markReady(large.id, { bytes: MIB, pausedMs: 0 })).resolves.toBe(true);
    await expect(snapshots.insert(ofProject())).rejects.toMatchObject({
      exceeded: { quota: 'snapshotMB', limit: 10, used: 10 },
    });
  });

  it('stay while a container needs them, and are removed once', async () => {
    const { id } = await ready();
    const row = containerRow({ projectId, snapshotId: id, workspaceReady: false });
    await expect(containers.insert(row, jobRow(row))).resolves.toEqual({ kind: 'inserted' });
    await expect(snapshots.end(id)).resolves.toBe('in_use');
    await containers.update(row.id, { workspaceReady: true });
    await expect(snapshots.end(id)).resolves.toBe('ending');
    await expect(snapshots.end(id)).resolves.toBe('not_found');
    await expect(snapshots.markReady(id, { bytes: 1, pausedMs: 1 })).resolves.toBe(false);
    const late = containerRow({ projectId, snapshotId: id, workspaceReady: false });
    await expect(containers.insert(late, jobRow(late))).resolves.toEqual({ kind: 'snapshot_not_found' });
    await expect(containers.findById(late.id, EVERYTHING)).resolves.toBeNull();
    await snapshots.forget(id);
    await expect(snapshots.listUnsettled()).resolves.toEqual([]);
  });

  it('are begun with in their own project alone, which is not removed while it has any', async () => {
    const { id } = await ready();
    const elsewhere = containerRow({ projectId: await project(), snapshotId: id, workspaceReady: false });
    await expect(containers.insert(elsewhere, jobRow(elsewhere))).resolves.toEqual({ kind: 'snapshot_not_found' });
    await expect(projects.remove(projectId)).resolves.toBe('not_empty');
  });
});
