/** Instructions in the database: their queue, their leases and their end. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleProjectsRepository } from '../../src/persistence/auth/drizzle-projects.repository.js';
import { DrizzleInstructionEventsRepository } from '../../src/persistence/instructions/drizzle-instruction-events.repository.js';
import { DrizzleInstructionPermissionsRepository } from '../../src/persistence/instructions/drizzle-instruction-permissions.repository.js';
import { DrizzleInstructionsRepository } from '../../src/persistence/instructions/drizzle-instructions.repository.js';
import type {
  ClaimedInstruction,
  InstructionRow,
  InstructionsRepository,
  NewInstruction,
} from '../../src/persistence/instructions/instructions.repository.js';
import { containerRow, jobRow, newInstruction, projectRow, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const LONG_MS = 60_000;
const REASON = { code: 'cancelled', message: 'The instruction was cancelled.' };

describe('the repository of instructions', () => {
  let test: TestDatabase;
  let containers: DrizzleContainersRepository;
  let instructions: InstructionsRepository;
  let others: InstructionsRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    containers = new DrizzleContainersRepository(test.database);
    instructions = new DrizzleInstructionsRepository(test.database);
    others = new DrizzleInstructionsRepository(test.another());
  }, 60_000);
  afterEach(async () => {
    await test.database.pool.query('truncate containers, idempotency_keys cascade');
  });
  afterAll(() => test.close());

  async function container(overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> {
    const row = containerRow(overrides);
    await containers.insert(row, jobRow(row));
    return row;
  }
  async function insert(of: ContainerRow, overrides: Partial<NewInstruction> = {}): Promise<InstructionRow> {
    const outcome = await instructions.insert(newInstruction(of, overrides));
    if (outcome.kind !== 'inserted') throw new Error(outcome.kind);
    return outcome.row;
  }
  async function claim(of: ContainerRow, holder = 'a', ttlMs = LONG_MS): Promise<ClaimedInstruction> {
    const claimed = await instructions.claim(of.id, holder, ttlMs);
    if (claimed === null) throw new Error('there is nothing to claim');
    return claimed;
  }

  describe('insert', () => {
    it('stores the given columns and leaves the others at their defaults', async () => {
      const of = await container();
      const given = newInstruction(of, {
        prompt: 'ü "quoted" \\ \n',
        resumeSessionId: randomUUID(),
        model: 'opus',
        maxTurns: 3,
        maxBudgetUsd: 0.25,
        timeoutSeconds: 60,
      });
      const row = await insert(of, given);
      const nothing = {
        statusReason: null,
        cancelRequestedAt: null,
        sessionId: null,
        result: null,
        costUsd: null,
        turns: null,
        usage: null,
        costEstimated: false,
        diffBytes: null,
        diffFiles: null,
        diffInsertions: null,
        diffDeletions: null,
        startedAt: null,
        finishedAt: null,
      };
      expect(row).toEqual({
        ...given,
        ...nothing,
        status: 'queued',
        diffTruncated: false,
        lastSeq: 0,
        eventOffset: 0,
        exceededBudget: null,
        leaseHolder: null,
        leaseExpiresAt: null,
        fence: 0,
        position: expect.any(Number),
      });
      await expect(instructions.findById(row.id, EVERYTHING)).resolves.toEqual(row);
      await expect(instructions.findById(randomUUID(), EVERYTHING)).resolves.toBeNull();
    });

    it('returns the same instruction for the same key and body, and refuses another body', async () => {
      const of = await container();
      const key = { key: 'k', bodyHash: 'h' };
      await expect(instructions.findByKey('admin', of.id, key)).resolves.toBeNull();
      const both = await Promise.all([instructions, others].map((each) => each.insert(newInstruction(of), key)));
      const first = both.find((outcome) => outcome.kind === 'inserted')!;
      if (first.kind !== 'inserted') throw new Error('none was written');
      expect(both).toContainEqual({ kind: 'replayed', instructionId: first.row.id });
      await expect(instructions.findByKey('admin', of.id, key)).resolves.toEqual({
        kind: 'replayed',
        instructionId: first.row.id,
      });
      await expect(instructions.insert(newInstruction(of), { key: 'k', bodyHash: 'other' })).resolves.toEqual({
        kind: 'key_reused',
      });
      await expect(instructions.findByKey('admin', of.id, { key: 'k', bodyHash: 'other' })).resolves.toEqual({
        kind: 'key_reused',
      });
      await expect(instructions.list({ scope: EVERYTHING, containerId: of.id, limit: 10 })).resolves.toHaveLength(1);
    });

    it('keeps the keys of containers, owners and instructions apart', async () => {
      const [one, two] = [await container(), await container()];
      const key = { key: one.id, bodyHash: 'h' };
      const other = containerRow();
      await containers.insert(other, jobRow(other), { key: one.id, bodyHash: 'other' });
      for (const given of [newInstruction(one), newInstruction(two), newInstruction(one, { ownerId: 'somebody' })]) {
        await expect(instructions.insert(given, key)).resolves.toMatchObject({ kind: 'inserted' });
      }
    });

    it('refuses a container that is being deleted', async () => {
      for (const deleted of [
        await container({ status: 'deleting' }),
        await container({ deletedAt: T0 }),
        containerRow(),
      ]) {
        await expect(instructions.insert(newInstruction(deleted), { key: deleted.id, bodyHash: 'h' })).resolves.toEqual(
          {
            kind: 'container_gone',
          },
        );
        await expect(
          instructions.findByKey('admin', deleted.id, { key: deleted.id, bodyHash: 'h' }),
        ).resolves.toBeNull();
      }
    });

    it('lists the instructions of some projects alone', async () => {
      const row = projectRow();
      await new DrizzleProjectsRepository(test.database).insert(row);
      const projectId = row.id;
      const [mine, other] = [await container({ projectId }), await container()];
      const [wanted, unwanted] = [await insert(mine), await insert(other)];
      await expect(instructions.list({ scope: [projectId], limit: 10 })).resolves.toEqual([wanted]);
      await expect(instructions.list({ scope: [], limit: 10 })).resolves.toEqual([]);
      await expect(instructions.list({ scope: EVERYTHING, limit: 2 })).resolves.toEqual([unwanted, wanted]);
    });

    it('lists the instructions of one container in pages, latest first', async () => {
      const [of, another] = [await container(), await container()];
      const rows = [await insert(of), await insert(of), await insert(of)].toReversed();
      await insert(another);
      await expect(instructions.list({ scope: EVERYTHING, containerId: of.id, limit: 2 })).resolves.toEqual(
        rows.slice(0, 2),
      );
      await expect(
        instructions.list({ scope: EVERYTHING, containerId: of.id, limit: 2, before: rows[1]!.position }),
      ).resolves.toEqual(rows.slice(2));
      await claim(of);
      await expect(
        instructions.list({ scope: EVERYTHING, containerId: of.id, limit: 2, status: 'running' }),
      ).resolves.toMatchObject([{ id: rows[2]!.id }]);
    });
  });

  describe('the queue of a container', () => {
    it('is executed in order, one instruction at a time', async () => {
      const of = await container();
      const rows = [await insert(of), await insert(of), await insert(of)];
      for (const { id } of rows) {
        await expect(instructions.claimable()).resolves.toEqual([of.id]);
        const { row, lease } = await claim(of);
        expect(row).toMatchObject({ id, status: 'running', startedAt: expect.any(Date), leaseHolder: 'a', fence: 1 });
        await expect(
          Promise.all([
            instructions.claim(of.id, 'b', LONG_MS),
            instructions.claimable(),
            instructions.hasUnfinished(of.id),
          ]),
        ).resolves.toEqual([null, [], true]);
        await instructions.finish(lease, { status: 'succeeded', reason: null });
      }
      await expect(
        Promise.all([
          instructions.claim(of.id, 'a', LONG_MS),
          instructions.claimable(),
          instructions.hasUnfinished(of.id),
        ]),
      ).resolves.toEqual([null, [], false]);
    });

    it('is claimed by one of twenty concurrent holders', async () => {
      const of = await container();
      for (let index = 0; index < 5; index++) await insert(of);
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? instructions : others).claim(of.id, `h${index}`, LONG_MS),
        ),
      );
      expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
      const { rows } = await test.database.pool.query(`select from instructions where status = 'running'`);
      expect(rows).toHaveLength(1);
    });

    it.each([
      'queued',
      'creating',
      'starting',
      'cloning',
      'stopping',
      'stopped',
      'failed',
      'missing',
      'deleting',
    ] as const)('waits while the container is %s', async (status) => {
      const of = await container();
      await insert(of);
      await containers.transition(of.id, { from: ['running'], to: status });
      await expect(
        Promise.all([
          instructions.claim(of.id, 'a', LONG_MS),
          instructions.claimable(),
          instructions.hasUnfinished(of.id),
        ]),
      ).resolves.toEqual([null, [], true]);
    });

    it('is separate from that of other containers', async () => {
      const [one, two] = [await container(), await container()];
      const [first, second] = [await insert(one), await insert(two)];
      await expect(claim(one)).resolves.toMatchObject({ row: { id: first.id } });
      await expect(claim(two, 'b')).resolves.toMatchObject({ row: { id: second.id } });
    });
  });

  describe('a lease', () => {
    it('is taken over when it has expired, and its former holder is refused', async () => {
      const of = await container();
      await insert(of);
      await insert(of);
      const stale = await claim(of, 'a', 50);
      await containers.transition(of.id, { from: ['running'], to: 'stopped' });
      // The lease expires by the clock of the database.
      await delay(80);
      await expect(instructions.claimable()).resolves.toEqual([of.id]);
      const next = await claim(of, 'b');
      expect(next).toMatchObject({
        row: { id: stale.row.id, startedAt: stale.row.startedAt },
        lease: { holder: 'b', fence: 2 },
      });
      await expect(instructions.finish(stale.lease, { status: 'failed', reason: null })).resolves.toBeNull();
      await instructions.release(stale.lease);
      await expect(instructions.renew([stale.lease, next.lease], LONG_MS)).resolves.toEqual([
        { lease: next.lease, cancelRequested: false },
      ]);
      await expect(instructions.findById(stale.row.id, EVERYTHING)).resolves.toMatchObject({
        status: 'running',
        leaseHolder: 'b',
      });
    });

    it('is valid as long as it is renewed', async () => {
      const of = await container();
      await insert(of);
      const { lease } = await claim(of, 'a', 100);
      await expect(instructions.renew([], LONG_MS)).resolves.toEqual([]);
      await expect(instructions.renew([lease], LONG_MS)).resolves.toEqual([{ lease, cancelRequested: false }]);
      // Longer than the lease was valid before it was renewed, by the clock of the database.
      await delay(150);
      await expect(instructions.claim(of.id, 'b', LONG_MS)).resolves.toBeNull();
    });

    it('can be claimed after its release, or after the release of all leases of its holder', async () => {
      const of = await container();
      await insert(of);
      await instructions.release((await claim(of)).lease);
      await expect(instructions.leaseHolders()).resolves.toEqual([]);
      await claim(of, 'b');
      await expect(instructions.leaseHolders()).resolves.toEqual(['b']);
      await instructions.releaseLeasesOf('a');
      await expect(instructions.claim(of.id, 'c', LONG_MS)).resolves.toBeNull();
      await instructions.releaseLeasesOf('b');
      await expect(claim(of, 'c')).resolves.toMatchObject({ lease: { fence: 3 } });
    });
  });

  it('returns the last event, and a version that differs after every other change', async () => {
    const of = await container();
    const { id } = await insert(of);
    const events = new DrizzleInstructionEventsRepository(test.database);
    const permissions = new DrizzleInstructionPermissionsRepository(test.database);
    const versions = new Set<string>();
    const seen = async (expected: { lastSeq: number; isFinished: boolean }, isNew = true) => {
      const { version, ...progress } = (await instructions.progress(id))!;
      expect(progress).toEqual(expected);
      expect(versions.has(version)).toBe(!isNew);
      versions.add(version);
    };
    await seen({ lastSeq: 0, isFinished: false });
    const { lease } = await claim(of);
    await seen({ lastSeq: 0, isFinished: false });
    await events.append(lease, { after: 0, events: ['1', '2'], offset: 4 });
    await seen({ lastSeq: 2, isFinished: false }, false);
    await events.append(lease, { after: 2, events: ['3'], offset: 6, sessionId: 's' });
    await seen({ lastSeq: 3, isFinished: false });
    await permissions.insert({ instructionId: id, requestId: 'a', toolName: 'Bash', input: '{}', askedAt: T0 }, 100);
    await seen({ lastSeq: 3, isFinished: false });
    await instructions.cancel(id, REASON);
    await seen({ lastSeq: 3, isFinished: false });
    await instructions.finish(lease, { status: 'cancelled', reason: REASON });
    await seen({ lastSeq: 3, isFinished: true });
    await expect(instructions.progress(randomUUID())).resolves.toBeNull();
  });

  it('returns the activity of running instructions, with the oldest open permission request', async () => {
    const permissions = new DrizzleInstructionPermissionsRepository(test.database);
    const [working, waiting, idle] = [await container(), await container(), await container()];
    for (const each of [working, waiting, idle]) await insert(each);
    const rows = [(await claim(working)).row, (await claim(waiting)).row];
    for (const [requestId, seconds] of [
      ['b', 2],
      ['a', 1],
      ['c', 0],
    ] as const) {
      await permissions.insert(
        {
          instructionId: rows[1]!.id,
          requestId,
          toolName: requestId,
          input: '{}',
          askedAt: new Date(T0.getTime() + 1_000 * seconds),
        },
        100,
      );
    }
    await permissions.close(rows[1]!.id, 'c');
    const activities = await instructions.activities();
    expect(activities).toHaveLength(2);
    expect(activities).toEqual(
      expect.arrayContaining([
        { containerId: working.id, startedAt: rows[0]!.startedAt, pendingPermission: null },
        {
          containerId: waiting.id,
          startedAt: rows[1]!.startedAt,
          pendingPermission: { toolName: 'a', input: '{}', askedAt: new Date(T0.getTime() + 1_000) },
        },
      ]),
    );
  });

  it('stores the end and the result of an instruction once', async () => {
    const of = await container();
    await insert(of);
    const { lease } = await claim(of);
    const patch = {
      sessionId: 's',
      result: 'done',
      costUsd: 0.012345,
      turns: 4,
      usage: { output_tokens: 7 },
      diffBytes: 12,
      diffTruncated: true,
    };
    const ended = await instructions.finish(lease, { status: 'failed', reason: REASON, patch });
    expect(ended).toMatchObject({
      ...patch,
      status: 'failed',
      statusReason: REASON,
      finishedAt: expect.any(Date),
      leaseHolder: null,
    });
    await expect(instructions.finish(lease, { status: 'succeeded', reason: null })).resolves.toBeNull();
    await expect(instructions.findById(lease.instructionId, EVERYTHING)).resolves.toEqual(ended);
  });

  describe('cancel', () => {
    it('ends a queued instruction', async () => {
      const of = await container();
      const { id } = await insert(of);
      const cancelled = await instructions.cancel(id, REASON);
      expect(cancelled).toMatchObject({
        id,
        status: 'cancelled',
        statusReason: REASON,
        startedAt: null,
        finishedAt: expect.any(Date),
      });
      await expect(instructions.cancel(id, REASON)).resolves.toEqual(cancelled);
      await expect(instructions.claim(of.id, 'a', LONG_MS)).resolves.toBeNull();
    });

    it('marks a running instruction once and leaves a finished one unchanged', async () => {
      const of = await container();
      const { id } = await insert(of);
      const { lease } = await claim(of);
      const marked = await instructions.cancel(id, REASON);
      expect(marked).toMatchObject({ status: 'running', cancelRequestedAt: expect.any(Date) });
      await expect(instructions.cancel(id, REASON)).resolves.toEqual(marked);
      await expect(instructions.renew([lease], LONG_MS)).resolves.toEqual([{ lease, cancelRequested: true }]);
      const ended = await instructions.finish(lease, { status: 'succeeded', reason: null });
      await expect(instructions.cancel(id, REASON)).resolves.toEqual(ended);
      await expect(instructions.cancel(randomUUID(), REASON)).resolves.toBeNull();
    });

    it('excludes a concurrent claim', async () => {
      for (let round = 0; round < 20; round++) {
        const of = await container();
        const { id } = await insert(of);
        const [claimed, cancelled] = await Promise.all([
          instructions.claim(of.id, 'a', LONG_MS),
          others.cancel(id, REASON),
        ]);
        expect(cancelled?.status).toBe(claimed === null ? 'cancelled' : 'running');
      }
    });
  });
});
