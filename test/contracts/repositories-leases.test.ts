/** Mutual exclusion across processes on a real PostgreSQL: container leases, presence, locks. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SystemClock } from '../../src/common/time/clock.js';
import { RandomIdGenerator } from '../../src/common/id-generator.js';
import type {
  ContainerRow,
  ContainersRepository,
  Lease,
} from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { PostgresLocks } from '../../src/persistence/postgres-locks.js';
import { Presence } from '../../src/persistence/presence.js';
import { until } from '../support/e2e/until.js';
import { quietLogger } from '../support/quiet-logger.js';
import { containerRow, jobRow } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const LONG_MS = 60_000;

describe('mutual exclusion on PostgreSQL', () => {
  let test: TestDatabase;
  let containers: ContainersRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    containers = new DrizzleContainersRepository(test.database);
  }, 60_000);

  afterAll(() => test.close());

  async function inserted(overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> {
    const row = containerRow(overrides);
    await containers.insert(row, jobRow(row));
    return row;
  }

  async function acquired(id: string, holder: string, ttlMs = LONG_MS): Promise<Lease> {
    const lease = await containers.acquireLease(id, holder, ttlMs);
    if (lease === null) throw new Error('the lease is held');
    return lease;
  }

  describe('a container lease', () => {
    it('has one holder at a time, and cannot be acquired twice by the same one', async () => {
      const { id } = await inserted();
      const lease = await acquired(id, 'a');
      expect(lease).toEqual({ containerId: id, holder: 'a', fence: 1 });
      await expect(containers.acquireLease(id, 'b', LONG_MS)).resolves.toBeNull();
      await expect(containers.acquireLease(id, 'a', LONG_MS)).resolves.toBeNull();
    });

    it('goes to one of many concurrent requests', async () => {
      const { id } = await inserted();
      const leases = await Promise.all(
        Array.from({ length: 20 }, (_, index) => containers.acquireLease(id, `h${index}`, LONG_MS)),
      );
      expect(leases.filter((lease) => lease !== null)).toHaveLength(1);
    });

    it('has a fence that increases with every acquisition', async () => {
      const { id } = await inserted();
      const fences: number[] = [];
      for (const holder of ['a', 'b', 'a']) {
        const lease = await acquired(id, holder);
        fences.push(lease.fence);
        await containers.releaseLease(lease);
      }
      expect(fences).toEqual([1, 2, 3]);
    });

    it('expires by the clock of the database unless it is renewed', async () => {
      const { id } = await inserted();
      const lease = await acquired(id, 'a', 150);
      await expect(containers.renewLease(lease, LONG_MS)).resolves.toBe(true);
      // Longer than the lease was valid before it was renewed.
      await delay(200);
      await expect(containers.acquireLease(id, 'b', LONG_MS)).resolves.toBeNull();
      await expect(containers.renewLease(lease, 1)).resolves.toBe(true);
      await delay(50);
      await expect(containers.acquireLease(id, 'b', LONG_MS)).resolves.toMatchObject({ holder: 'b', fence: 2 });
    });

    it('refuses the writes of a holder whose lease has expired', async () => {
      const row = await inserted({ status: 'running' });
      const stale = await acquired(row.id, 'a', 1);
      await delay(50);
      const present = await acquired(row.id, 'b');
      await expect(
        containers.transition(row.id, { from: ['running'], to: 'stopping', lease: stale }),
      ).resolves.toBeNull();
      await expect(
        containers.transition(row.id, { from: ['running'], to: 'stopping', lease: stale, newJob: jobRow(row) }),
      ).resolves.toBeNull();
      await expect(containers.update(row.id, { image: 'stale' }, stale)).resolves.toBeNull();
      await expect(containers.renewLease(stale, LONG_MS)).resolves.toBe(false);
      await containers.releaseLease(stale);
      await expect(containers.findById(row.id, EVERYTHING)).resolves.toMatchObject({
        status: 'running',
        image: row.image,
        leaseHolder: 'b',
      });
      await expect(containers.update(row.id, { image: 'present' }, present)).resolves.toMatchObject({
        image: 'present',
      });
      await expect(
        containers.transition(row.id, { from: ['running'], to: 'stopping', lease: present }),
      ).resolves.toMatchObject({ status: 'stopping' });
    });

    it('refuses writes after its release, and those of the same holder with an older fence', async () => {
      const row = await inserted();
      const first = await acquired(row.id, 'a');
      await containers.releaseLease(first);
      await expect(containers.update(row.id, { image: 'x' }, first)).resolves.toBeNull();
      await acquired(row.id, 'a');
      await expect(containers.update(row.id, { image: 'x' }, first)).resolves.toBeNull();
      await expect(containers.renewLease(first, LONG_MS)).resolves.toBe(false);
    });

    it('does not affect writes without a lease', async () => {
      const row = await inserted();
      await acquired(row.id, 'a');
      await expect(containers.update(row.id, { image: 'x' })).resolves.toMatchObject({ image: 'x' });
      await expect(containers.transition(row.id, { from: ['running'], to: 'deleting' })).resolves.toMatchObject({
        status: 'deleting',
      });
    });

    it('is released together with all leases of a process that has ended', async () => {
      const [one, two, other] = [await inserted(), await inserted(), await inserted()];
      const holder = randomUUID();
      await acquired(one.id, holder);
      await acquired(two.id, holder);
      const theirs = await acquired(other.id, 'another');
      await expect(containers.leaseHolders()).resolves.toEqual(expect.arrayContaining([holder, 'another']));
      await containers.releaseLeasesOf(holder);
      await expect(containers.leaseHolders()).resolves.not.toContain(holder);
      await expect(containers.acquireLease(one.id, 'b', LONG_MS)).resolves.toMatchObject({ fence: 2 });
      await expect(containers.renewLease(theirs, LONG_MS)).resolves.toBe(true);
    });
  });

  describe('the presence of a process', () => {
    const presences: Presence[] = [];
    const announced = async (): Promise<Presence> => {
      const presence = new Presence(test.database, new SystemClock(), new RandomIdGenerator(), quietLogger());
      presences.push(presence);
      await presence.announce();
      return presence;
    };

    afterAll(() => Promise.all(presences.map((presence) => presence.onApplicationShutdown())));

    it('is visible to other processes and to itself', async () => {
      const [one, two] = [await announced(), await announced()];
      expect(one.holder).not.toBe(two.holder);
      await expect(one.hasEnded(two.holder)).resolves.toBe(false);
      await expect(two.hasEnded(one.holder)).resolves.toBe(false);
      await expect(one.hasEnded(one.holder)).resolves.toBe(false);
    });

    it('ends with the process, and concurrent checks do not mistake each other for its end', async () => {
      const [one, two] = [await announced(), await announced()];
      const asked = await Promise.all(Array.from({ length: 10 }, () => one.hasEnded(two.holder)));
      expect(asked).toEqual(asked.map(() => false));
      await two.onApplicationShutdown();
      await expect(one.hasEnded(two.holder)).resolves.toBe(true);
      await expect(one.hasEnded(randomUUID())).resolves.toBe(true);
    });

    it('is restored after its connection breaks', async () => {
      const [one, two] = [await announced(), await announced()];
      const { rows } = await test.database.pool.query<{ pid: number }>(
        "select pid from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and granted and ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 0)",
        [`devforge:process:${two.holder}`],
      );
      expect(rows).toHaveLength(1);
      await test.database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await until('the process to count as ended', () => one.hasEnded(two.holder));
      await until('the process to be present again', async () => !(await one.hasEnded(two.holder)));
    });
  });

  describe('a named lock', () => {
    it('has one holder at a time across processes', async () => {
      const [here, there] = [new PostgresLocks(test.database), new PostgresLocks(test.another())];
      let inside = 0;
      let maxInside = 0;
      const work = async (): Promise<void> => {
        maxInside = Math.max(maxInside, ++inside);
        await delay(20);
        inside--;
      };
      await Promise.all([here, there, here, there, here].map((locks) => locks.withLock('image:x', work)));
      expect(maxInside).toBe(1);
    });

    it('does not block a lock with another name', async () => {
      const locks = new PostgresLocks(test.database);
      const order: string[] = [];
      await locks.withLock('a', () => locks.withLock('b', async () => void order.push('inside')));
      expect(order).toEqual(['inside']);
    });

    it('is released when the work fails, and passes the error on', async () => {
      const locks = new PostgresLocks(test.database);
      await expect(locks.withLock('c', () => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
      await expect(locks.withLock('c', async () => 'again')).resolves.toBe('again');
    });

    it('is released when the process that holds it dies', async () => {
      const dying = test.another();
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      const begun = new Promise<void>((resolve) => {
        void new PostgresLocks(dying)
          .withLock('d', () => {
            resolve();
            return held;
          })
          .catch(() => undefined);
      });
      await begun;
      await test.database.pool.query(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and ((classid::bigint << 32) | objid::bigint) = hashtextextended('d', 0)",
      );
      await expect(new PostgresLocks(test.database).withLock('d', async () => 'mine')).resolves.toBe('mine');
      release();
    });
  });
});
