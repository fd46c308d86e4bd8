/** What is recorded of the use of containers, on a real PostgreSQL. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { containerRow, jobRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

describe('the use of a container', () => {
  let test: TestDatabase;
  let containers: DrizzleContainersRepository;

  const inserted = async (overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> => {
    const row = containerRow(overrides);
    await expect(containers.insert(row, jobRow(row))).resolves.toEqual({ kind: 'inserted' });
    return row;
  };

  beforeAll(async () => {
    test = await openTestDatabase();
    containers = new DrizzleContainersRepository(test.database);
  }, 60_000);
  beforeEach(async () => {
    await test.database.pool.query('truncate containers, jobs cascade');
  });
  afterAll(() => test.close());

  it('is recorded when it is the latest, and changes no other column', async () => {
    const row = await inserted();
    const later = new Date(T0.getTime() + 5_000);
    await expect(containers.noteActivity(row.id, 'exec', later)).resolves.toBe(row.status);
    await containers.noteActivity(row.id, 'terminal', T0);
    await expect(containers.findById(row.id, EVERYTHING)).resolves.toEqual({
      ...row,
      lastActivityAt: later,
      activity: 'exec',
    });
    await expect(containers.noteActivity(randomUUID(), 'exec', later)).resolves.toBeNull();
  });

  it('prevents a transition that depends on its absence', async () => {
    const row = await inserted({ status: 'running' });
    const transition = (quietSince: Date) =>
      containers.transition(row.id, { from: ['running'], to: 'stopping', quietSince });
    await containers.noteActivity(row.id, 'exec', T0);
    await expect(transition(new Date(T0.getTime() - 1))).resolves.toBeNull();
    await expect(transition(T0)).resolves.toMatchObject({ status: 'stopping' });
    const unused = await inserted({ status: 'running' });
    await expect(
      containers.transition(unused.id, { from: ['running'], to: 'stopping', quietSince: T0 }),
    ).resolves.toMatchObject({ status: 'stopping' });
  });

  it('is planned by schedules, which are followed once', async () => {
    const schedule = { start: '0 8 * * *', stop: null, timeZone: 'UTC' };
    const row = await inserted({ status: 'stopped', schedule });
    await inserted({ status: 'stopped' });
    const [now, later] = [T0, new Date(T0.getTime() + 1)];
    const listed = async (by: Date) => (await containers.listScheduled(by)).map(({ id }) => id);
    expect(await listed(now)).toEqual([row.id]);
    await expect(containers.settleSchedule(row.id, null, later)).resolves.toBe(true);
    await expect(containers.settleSchedule(row.id, null, later)).resolves.toBe(false);
    expect(await listed(now)).toEqual([]);
    expect(await listed(later)).toEqual([row.id]);
    await expect(containers.settleSchedule(row.id, now, later)).resolves.toBe(false);
    await expect(containers.settleSchedule(row.id, later, new Date('9999-12-31'))).resolves.toBe(true);
    const settled = await containers.findById(row.id, EVERYTHING);
    expect(settled).toEqual({ ...row, schedule, scheduleNextAt: new Date('9999-12-31') });
  });

  it('is looked for in the running containers that stop by themselves', async () => {
    const idle = await inserted({ status: 'running', idleStopMinutes: 1 });
    const limited = await inserted({ status: 'running', ttlMinutes: 1 });
    const waiting = await inserted({ status: 'running', waitingStopMinutes: 1 });
    await inserted({ status: 'running' });
    await inserted({ status: 'stopped', idleStopMinutes: 1 });
    const listed = await containers.listStoppingByThemselves();
    expect(listed.map(({ id }) => id).toSorted()).toEqual([idle.id, limited.id, waiting.id].toSorted());
  });
});
