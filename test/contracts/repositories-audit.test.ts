/** What is recorded of what callers do, in the transaction that does it. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { Client } from 'pg';
import { type RequestContext, runInContext } from '../../src/common/request-context.js';
import { DrizzleAuditEventsRepository } from '../../src/persistence/audit/drizzle-audit-events.repository.js';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import { QuotaExceededError } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleInstructionPermissionsRepository } from '../../src/persistence/instructions/drizzle-instruction-permissions.repository.js';
import { DrizzleInstructionsRepository } from '../../src/persistence/instructions/drizzle-instructions.repository.js';
import { DEFAULT_PROJECT } from '../../src/persistence/types.js';
import { containerRow, jobRow, newInstruction, projectRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const CANARY = 'canary-4711';

describe('audit events', () => {
  let test: TestDatabase;
  let events: DrizzleAuditEventsRepository;
  let containers: DrizzleContainersRepository;
  let projects: DrizzleProjectsRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    events = new DrizzleAuditEventsRepository(test.database);
    containers = new DrizzleContainersRepository(test.database);
    projects = new DrizzleProjectsRepository(test.database);
  }, 120_000);
  afterAll(() => test.close(), 60_000);

  const requestId = (): string => `request-${randomUUID()}`;
  const context = (id: string): RequestContext => ({
    address: '192.0.2.7',
    requestId: id,
    actor: { kind: 'service', id: 'key:1', name: 'nightly build', credential: { kind: 'api_key', id: '1' } },
  });
  const of = async (id: string) =>
    (await events.list({ scope: EVERYTHING, limit: 1_000 })).filter((event) => event.requestId === id);

  it('tell who created a container, from where, by what and in which request, without its variables', async () => {
    const id = requestId();
    const row = containerRow({ env: { SECRET: CANARY } });
    await runInContext(context(id), () => containers.insert(row, jobRow(row)));
    const recorded = await of(id);
    expect(recorded).toEqual([
      expect.objectContaining({
        actorKind: 'service',
        actorId: 'key:1',
        actorName: 'nightly build',
        credentialKind: 'api_key',
        credentialId: '1',
        address: '192.0.2.7',
        action: 'container.create',
        targetKind: 'container',
        targetId: row.id,
        targetName: row.name,
        projectId: DEFAULT_PROJECT.id,
        outcome: 'allowed',
        code: null,
      }),
    ]);
    expect(JSON.stringify(recorded)).not.toContain(CANARY);
  });

  it('cost a creation no statement of their own', async () => {
    const query = jest.spyOn(Client.prototype, 'query');
    try {
      for (const key of [undefined, { key: 'statements', bodyHash: 'h' }]) {
        const row = containerRow();
        const queue = { states: ['queued'] as const, max: 100 };
        const insert = () => containers.insert(row, jobRow(row), key, queue);
        query.mockClear();
        await expect(runInContext(context(requestId()), insert)).resolves.toEqual({ kind: 'inserted' });
        // Locks and counts with the begin, the key if there is one, the rows, the commit.
        expect(query).toHaveBeenCalledTimes(key === undefined ? 3 : 4);
      }
    } finally {
      query.mockRestore();
    }
  });

  it('are not left by a creation that is undone', async () => {
    const id = requestId();
    const { id: projectId } = await projectWith({ containers: 0 });
    const row = containerRow({ projectId });
    const refused = runInContext(context(id), () => containers.insert(row, jobRow(row)));
    await expect(refused).rejects.toThrow(QuotaExceededError);
    const taken = containerRow({ name: row.name });
    await containers.insert(taken, jobRow(taken));
    const second = containerRow({ name: row.name });
    await expect(runInContext(context(id), () => containers.insert(second, jobRow(second)))).resolves.toEqual({
      kind: 'name_taken',
    });
    // The job repeats an id, so that the transaction fails after the container was inserted.
    const third = containerRow();
    const job = jobRow(third);
    await containers.insert(containerRow({ id: randomUUID() }), jobRow(taken, { id: job.id }));
    await expect(runInContext(context(id), () => containers.insert(third, job))).rejects.toThrow(/"jobs_pkey"/);
    await expect(containers.findById(third.id, EVERYTHING)).resolves.toBeNull();
    await expect(of(id)).resolves.toEqual([]);
  });

  it('take back the creation when they cannot be written', async () => {
    const row = containerRow();
    const broken = { ...context(requestId()), requestId: 'a\0b' };
    await expect(runInContext(broken, () => containers.insert(row, jobRow(row)))).rejects.toThrow(
      /invalid byte sequence/,
    );
    await expect(containers.findById(row.id, EVERYTHING)).resolves.toBeNull();
  });

  it('are written for transitions that a caller asked for, and for no background work', async () => {
    const id = requestId();
    const row = containerRow();
    await containers.insert(row, jobRow(row));
    const stop = { from: ['running'], to: 'stopping', audit: 'container.stop' } as const;
    await runInContext(context(id), () => containers.transition(row.id, stop));
    await runInContext(context(id), () => containers.transition(row.id, stop));
    await containers.transition(row.id, { ...stop, from: ['stopping'] });
    expect((await events.list({ scope: EVERYTHING, target: row.id, limit: 10 })).map(({ action }) => action)).toEqual([
      'container.stop',
    ]);
  });

  it('tell of instructions and answers once, without the prompt', async () => {
    const instructions = new DrizzleInstructionsRepository(test.database);
    const permissions = new DrizzleInstructionPermissionsRepository(test.database);
    const id = requestId();
    const container = containerRow();
    await containers.insert(container, jobRow(container));
    const instruction = newInstruction(container, { prompt: CANARY });
    const asked = { instructionId: instruction.id, requestId: 'r', toolName: 'Bash', input: CANARY, askedAt: T0 };
    await runInContext(context(id), async () => {
      await instructions.insert(instruction);
      await permissions.insert(asked, 10);
      await expect(permissions.decide(instruction.id, 'r', 'deny')).resolves.toBe(true);
      await expect(permissions.decide(instruction.id, 'r', 'deny')).resolves.toBe(false);
      await instructions.claim(container.id, 'me', 60_000);
      for (let count = 0; count < 2; count += 1)
        await instructions.cancel(instruction.id, { code: 'cancelled', message: 'x' });
    });
    const recorded = await of(id);
    expect(recorded.map(({ action, targetId }) => [action, targetId])).toEqual([
      ['instruction.cancel', instruction.id],
      ['permission.deny', instruction.id],
      ['instruction.create', instruction.id],
    ]);
    expect(JSON.stringify(recorded)).not.toContain(CANARY);
  });

  it('are found by actor, action, target, time and project, in pages', async () => {
    const id = requestId();
    const { id: projectId } = await projectWith({});
    const rows = Array.from({ length: 5 }, () => containerRow({ projectId }));
    for (const row of rows) await runInContext(context(id), () => containers.insert(row, jobRow(row)));
    const page = await events.list({ scope: [projectId], limit: 2 });
    const next = await events.list({ scope: [projectId], limit: 10, before: page.at(-1)!.id });
    expect([...page, ...next].map(({ targetId }) => targetId)).toEqual(rows.map((row) => row.id).toReversed());
    const count = async (query: object): Promise<number> =>
      (await events.list({ scope: [projectId], limit: 100, ...query })).length;
    await expect(count({ actor: 'nightly build', action: 'container' })).resolves.toBe(5);
    await expect(count({ action: 'contain' })).resolves.toBe(0);
    await expect(count({ target: rows[0]!.name })).resolves.toBe(1);
    await expect(count({ since: new Date(Date.now() + 60_000) })).resolves.toBe(0);
    await expect(count({ scope: [] })).resolves.toBe(0);
  });

  it('cannot be changed, and are deleted when they are old', async () => {
    const id = requestId();
    const row = containerRow();
    await runInContext(context(id), () => containers.insert(row, jobRow(row)));
    await expect(test.database.orm.execute(sql`update audit_events set action = 'x'`)).rejects.toMatchObject({
      cause: { message: 'audit events are not changed' },
    });
    await expect(test.database.orm.execute(sql`update audit_events set action = 'x' where false`)).rejects.toThrow(
      'update audit_events',
    );
    await expect(events.removeBefore(new Date(0), 10)).resolves.toBe(0);
    await expect(events.removeBefore(new Date(Date.now() + 60_000), 1)).resolves.toBe(1);
  });

  async function projectWith(quotas: Record<string, number>) {
    const row = projectRow({ quotas });
    await projects.insert(row);
    return row;
  }
});
