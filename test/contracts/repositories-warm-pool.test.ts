/** The workspaces that were created ahead, on a real PostgreSQL. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleWarmPoolRepository } from '../../src/persistence/warm-pool/drizzle-warm-pool.repository.js';
import { containerRow, jobRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';

const KIND = { template: 'claude', fenced: false } as const;
const FENCED = { template: 'claude', fenced: true } as const;
const MADE = { runtimeId: 'docker-1', fingerprint: 'f', env: { A: '1' } };

describe('the warm pool', () => {
  let test: TestDatabase;
  let containers: DrizzleContainersRepository;
  let pool: DrizzleWarmPoolRepository;

  const later = (ms: number): Date => new Date(T0.getTime() + ms);
  const reserve = (size: number, max = 100, now = T0): Promise<string[]> =>
    pool.reserve({ ...KIND, size, max, holder: 'me', now }, randomUUID);
  const ready = async (count: number): Promise<string[]> => {
    const ids = await reserve(count);
    for (const id of ids) await pool.markReady(id, MADE);
    return ids;
  };
  const inserted = async (overrides: Partial<ContainerRow>): Promise<ContainerRow> => {
    const row = containerRow(overrides);
    await expect(containers.insert(row, jobRow(row))).resolves.toEqual({ kind: 'inserted' });
    return row;
  };

  beforeAll(async () => {
    test = await openTestDatabase();
    containers = new DrizzleContainersRepository(test.database);
    pool = new DrizzleWarmPoolRepository(test.database);
  }, 60_000);
  beforeEach(async () => {
    await test.database.pool.query('truncate containers, jobs, warm_workspaces cascade');
  });
  afterAll(() => test.close());

  it('reserves what is missing once, however many ask at a time', async () => {
    const ids = (await Promise.all(Array.from({ length: 8 }, () => reserve(5, 2)))).flat();
    expect(ids).toHaveLength(5);
    await expect(reserve(5)).resolves.toEqual([]);
    await expect(pool.list()).resolves.toHaveLength(5);
    await expect(pool.findById(ids[0]!)).resolves.toMatchObject({ ...KIND, state: 'making', holder: 'me' });
    await expect(pool.claim(KIND, T0)).resolves.toBeNull();
  });

  it('gives each workspace to one of those that claim at a time', async () => {
    const ids = await ready(20);
    const claims = await Promise.all(Array.from({ length: 60 }, () => pool.claim(KIND, T0)));
    const got = claims.filter((id) => id !== null);
    // None of them waits for another one, so some may find nothing while a claim is being made.
    expect(new Set(got).size).toBe(got.length);
    expect(ids).toEqual(expect.arrayContaining(got));
    for (let id = await pool.claim(KIND, T0); id !== null; id = await pool.claim(KIND, T0)) got.push(id);
    expect(got.toSorted()).toEqual(ids.toSorted());
    await expect(pool.claim(FENCED, T0)).resolves.toBeNull();
  });

  it('takes a workspace back that no container got', async () => {
    const [id] = await ready(1);
    await expect(pool.claim(KIND, T0)).resolves.toBe(id);
    await pool.release(id!);
    await expect(pool.findById(id!)).resolves.toMatchObject({ ...MADE, state: 'ready', claimedAt: null });
    await expect(pool.claim(KIND, T0)).resolves.toBe(id);
  });

  it('ends a workspace only in the states that are named, and forgets it only then', async () => {
    const [id] = await ready(1);
    await pool.forget(id!);
    await expect(pool.end(id!, ['making', 'claimed'])).resolves.toBe(false);
    await expect(pool.end(id!, ['ready'])).resolves.toBe(true);
    await expect(pool.claim(KIND, T0)).resolves.toBeNull();
    await expect(pool.markReady(id!, MADE)).resolves.toBe(false);
    await pool.forget(id!);
    await expect(pool.list()).resolves.toEqual([]);
  });

  it('forgets claims that containers have, and ends those that none has', async () => {
    const [withWorkspace, provisioning, removed, lost, recent] = await ready(5);
    for (const _ of [1, 2, 3, 4]) await pool.claim(KIND, T0);
    await pool.claim(KIND, later(50));
    await inserted({ id: withWorkspace, provisioning: 'warm' });
    await inserted({ id: provisioning, provisioning: 'warm', runtimeId: null });
    await inserted({ id: removed, runtimeId: null, deletedAt: T0 });
    await pool.settleClaims(later(10));
    const rows = (await pool.list()).map(({ id, state }) => [id, state]);
    expect(new Map(rows as [string, string][])).toEqual(
      new Map([
        [provisioning, 'claimed'],
        [lost, 'ending'],
        [recent, 'claimed'],
      ]),
    );
  });

  it('counts the containers that could have claimed one', async () => {
    const claude = { template: 'claude', createdAt: later(10) } as const;
    await inserted(claude);
    await inserted({ ...claude, deletedAt: later(20) });
    await inserted({ ...claude, egress: 'restricted' });
    await inserted({ ...claude, egress: 'none' });
    await inserted({ ...claude, template: 'both' });
    await inserted({ ...claude, createdAt: T0 });
    await inserted({ ...claude, sshKeyPath: '/keys/id' });
    await expect(pool.countCreated(KIND, later(5))).resolves.toBe(2);
    await expect(pool.countCreated(FENCED, later(5))).resolves.toBe(2);
  });
});
