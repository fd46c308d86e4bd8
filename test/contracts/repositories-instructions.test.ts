/** Instructions in the database: their queue, who follows them, how they end. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleInstructionEventsRepository } from '../../src/persistence/instructions/drizzle-instruction-events.repository.js';
import { DrizzleInstructionPermissionsRepository } from '../../src/persistence/instructions/drizzle-instruction-permissions.repository.js';
import { DrizzleInstructionsRepository } from '../../src/persistence/instructions/drizzle-instructions.repository.js';
import type {
  ClaimedInstruction,
  InstructionRow,
  InstructionsRepository,
  NewInstruction,
} from '../../src/persistence/instructions/instructions.repository.js';
import { containerRow, jobRow, newInstruction, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';

const LONG_MS = 60_000;
const REASON = { code: 'cancelled', message: 'It was cancelled.' };

describe('instructions', () => {
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
  async function accepted(of: ContainerRow, overrides: Partial<NewInstruction> = {}): Promise<InstructionRow> {
    const outcome = await instructions.insert(newInstruction(of, overrides));
    if (outcome.kind !== 'inserted') throw new Error(outcome.kind);
    return outcome.row;
  }
  async function claimed(of: ContainerRow, holder = 'a', ttlMs = LONG_MS): Promise<ClaimedInstruction> {
    const claim = await instructions.claim(of.id, holder, ttlMs);
    if (claim === null) throw new Error('there is nothing to claim');
    return claim;
  }

  describe('accepting', () => {
    it('writes what was asked for, and nothing that did not happen yet', async () => {
      const of = await container();
      const asked = newInstruction(of, {
        prompt: 'ü "quoted" \\ \n',
        resumeSessionId: randomUUID(),
        model: 'opus',
        maxTurns: 3,
        maxBudgetUsd: 0.25,
        timeoutSeconds: 60,
      });
      const row = await accepted(of, asked);
      const nothing = {
        statusReason: null,
        cancelRequestedAt: null,
        sessionId: null,
        result: null,
        costUsd: null,
        turns: null,
        usage: null,
        diffBytes: null,
        startedAt: null,
        finishedAt: null,
      };
      expect(row).toEqual({
        ...asked,
        ...nothing,
        status: 'queued',
        diffTruncated: false,
        lastSeq: 0,
        eventOffset: 0,
        leaseHolder: null,
        leaseExpiresAt: null,
        fence: 0,
        position: expect.any(Number),
      });
      await expect(instructions.findById(row.id)).resolves.toEqual(row);
      await expect(instructions.findById(randomUUID())).resolves.toBeNull();
    });

    it('answers the same key and body with the same instruction, and refuses another body', async () => {
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
      await expect(instructions.list({ containerId: of.id, limit: 10 })).resolves.toHaveLength(1);
    });

    it('takes a key of another container, of another owner, or of a container itself for another one', async () => {
      const [one, two] = [await container(), await container()];
      const key = { key: one.id, bodyHash: 'h' };
      const made = containerRow();
      await containers.insert(made, jobRow(made), { key: one.id, bodyHash: 'other' });
      for (const asked of [newInstruction(one), newInstruction(two), newInstruction(one, { ownerId: 'somebody' })]) {
        await expect(instructions.insert(asked, key)).resolves.toMatchObject({ kind: 'inserted' });
      }
    });

    it('takes none for a container that is being removed', async () => {
      for (const gone of [
        await container({ status: 'deleting' }),
        await container({ deletedAt: T0 }),
        containerRow(),
      ]) {
        await expect(instructions.insert(newInstruction(gone), { key: gone.id, bodyHash: 'h' })).resolves.toEqual({
          kind: 'container_gone',
        });
        await expect(instructions.findByKey('admin', gone.id, { key: gone.id, bodyHash: 'h' })).resolves.toBeNull();
      }
    });

    it('lists those of one container, latest first, page by page', async () => {
      const [of, another] = [await container(), await container()];
      const rows = [await accepted(of), await accepted(of), await accepted(of)].toReversed();
      await accepted(another);
      await expect(instructions.list({ containerId: of.id, limit: 2 })).resolves.toEqual(rows.slice(0, 2));
      await expect(instructions.list({ containerId: of.id, limit: 2, before: rows[1]!.position })).resolves.toEqual(
        rows.slice(2),
      );
      await claimed(of);
      await expect(instructions.list({ containerId: of.id, limit: 2, status: 'running' })).resolves.toMatchObject([
        { id: rows[2]!.id },
      ]);
    });
  });

  describe('the queue of a container', () => {
    it('goes in order, one at a time', async () => {
      const of = await container();
      const rows = [await accepted(of), await accepted(of), await accepted(of)];
      for (const { id } of rows) {
        await expect(instructions.claimable()).resolves.toEqual([of.id]);
        const { row, lease } = await claimed(of);
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

    it('is started by one of many who try at the same time', async () => {
      const of = await container();
      for (let index = 0; index < 5; index++) await accepted(of);
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
      await accepted(of);
      await containers.transition(of.id, { from: ['running'], to: status });
      await expect(
        Promise.all([
          instructions.claim(of.id, 'a', LONG_MS),
          instructions.claimable(),
          instructions.hasUnfinished(of.id),
        ]),
      ).resolves.toEqual([null, [], true]);
    });

    it('does not mix containers up', async () => {
      const [one, two] = [await container(), await container()];
      const [first, second] = [await accepted(one), await accepted(two)];
      await expect(claimed(one)).resolves.toMatchObject({ row: { id: first.id } });
      await expect(claimed(two, 'b')).resolves.toMatchObject({ row: { id: second.id } });
    });
  });

  describe('a lease', () => {
    it('is taken over once it expires, whatever the container is, and its former holder is refused', async () => {
      const of = await container();
      await accepted(of);
      await accepted(of);
      const stale = await claimed(of, 'a', 50);
      await containers.transition(of.id, { from: ['running'], to: 'stopped' });
      await delay(80);
      await expect(instructions.claimable()).resolves.toEqual([of.id]);
      const next = await claimed(of, 'b');
      expect(next).toMatchObject({
        row: { id: stale.row.id, startedAt: stale.row.startedAt },
        lease: { holder: 'b', fence: 2 },
      });
      await expect(instructions.finish(stale.lease, { status: 'failed', reason: null })).resolves.toBeNull();
      await instructions.release(stale.lease);
      await expect(instructions.renew([stale.lease, next.lease], LONG_MS)).resolves.toEqual([
        { lease: next.lease, cancelRequested: false },
      ]);
      await expect(instructions.findById(stale.row.id)).resolves.toMatchObject({ status: 'running', leaseHolder: 'b' });
    });

    it('holds as long as it is renewed', async () => {
      const of = await container();
      await accepted(of);
      const { lease } = await claimed(of, 'a', 100);
      await expect(instructions.renew([], LONG_MS)).resolves.toEqual([]);
      await expect(instructions.renew([lease], LONG_MS)).resolves.toEqual([{ lease, cancelRequested: false }]);
      await delay(150);
      await expect(instructions.claim(of.id, 'b', LONG_MS)).resolves.toBeNull();
    });

    it('is free once it is let go of, or its holder’s leases are', async () => {
      const of = await container();
      await accepted(of);
      await instructions.release((await claimed(of)).lease);
      await expect(instructions.leaseHolders()).resolves.toEqual([]);
      await claimed(of, 'b');
      await expect(instructions.leaseHolders()).resolves.toEqual(['b']);
      await instructions.releaseLeasesOf('a');
      await expect(instructions.claim(of.id, 'c', LONG_MS)).resolves.toBeNull();
      await instructions.releaseLeasesOf('b');
      await expect(claimed(of, 'c')).resolves.toMatchObject({ lease: { fence: 3 } });
    });
  });

  it('tell how far they are, and that something changed beside their events', async () => {
    const of = await container();
    const { id } = await accepted(of);
    const events = new DrizzleInstructionEventsRepository(test.database);
    const permissions = new DrizzleInstructionPermissionsRepository(test.database);
    const versions = new Set<string>();
    const seen = async (expected: { lastSeq: number; isOver: boolean }, isNew = true) => {
      const { version, ...progress } = (await instructions.progress(id))!;
      expect(progress).toEqual(expected);
      expect(versions.has(version)).toBe(!isNew);
      versions.add(version);
    };
    await seen({ lastSeq: 0, isOver: false });
    const { lease } = await claimed(of);
    await seen({ lastSeq: 0, isOver: false });
    await events.append(lease, { after: 0, events: ['1', '2'], offset: 4 });
    await seen({ lastSeq: 2, isOver: false }, false);
    await events.append(lease, { after: 2, events: ['3'], offset: 6, sessionId: 's' });
    await seen({ lastSeq: 3, isOver: false });
    await permissions.insert({ instructionId: id, requestId: 'a', toolName: 'Bash', input: '{}', askedAt: T0 });
    await seen({ lastSeq: 3, isOver: false });
    await instructions.cancel(id, REASON);
    await seen({ lastSeq: 3, isOver: false });
    await instructions.finish(lease, { status: 'cancelled', reason: REASON });
    await seen({ lastSeq: 3, isOver: true });
    await expect(instructions.progress(randomUUID())).resolves.toBeNull();
  });

  it('tell what those that run are at', async () => {
    const permissions = new DrizzleInstructionPermissionsRepository(test.database);
    const [working, waiting, idle] = [await container(), await container(), await container()];
    for (const each of [working, waiting, idle]) await accepted(each);
    const rows = [(await claimed(working)).row, (await claimed(waiting)).row];
    for (const [requestId, seconds] of [
      ['b', 2],
      ['a', 1],
      ['c', 0],
    ] as const) {
      await permissions.insert({
        instructionId: rows[1]!.id,
        requestId,
        toolName: requestId,
        input: '{}',
        askedAt: new Date(T0.getTime() + 1_000 * seconds),
      });
    }
    await permissions.close(rows[1]!.id, 'c');
    const activities = await instructions.activities();
    expect(activities).toHaveLength(2);
    expect(activities).toEqual(
      expect.arrayContaining([
        { containerId: working.id, startedAt: rows[0]!.startedAt, asks: null },
        {
          containerId: waiting.id,
          startedAt: rows[1]!.startedAt,
          asks: { toolName: 'a', input: '{}', askedAt: new Date(T0.getTime() + 1_000) },
        },
      ]),
    );
  });

  it('end once, with what came of them', async () => {
    const of = await container();
    await accepted(of);
    const { lease } = await claimed(of);
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
    await expect(instructions.findById(lease.instructionId)).resolves.toEqual(ended);
  });

  describe('cancelling', () => {
    it('ends one that waits at once', async () => {
      const of = await container();
      const { id } = await accepted(of);
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

    it('marks one that runs, once, and leaves one that is over as it is', async () => {
      const of = await container();
      const { id } = await accepted(of);
      const { lease } = await claimed(of);
      const marked = await instructions.cancel(id, REASON);
      expect(marked).toMatchObject({ status: 'running', cancelRequestedAt: expect.any(Date) });
      await expect(instructions.cancel(id, REASON)).resolves.toEqual(marked);
      await expect(instructions.renew([lease], LONG_MS)).resolves.toEqual([{ lease, cancelRequested: true }]);
      const ended = await instructions.finish(lease, { status: 'succeeded', reason: null });
      await expect(instructions.cancel(id, REASON)).resolves.toEqual(ended);
      await expect(instructions.cancel(randomUUID(), REASON)).resolves.toBeNull();
    });

    it('and starting exclude one another', async () => {
      for (let round = 0; round < 20; round++) {
        const of = await container();
        const { id } = await accepted(of);
        const [claim, cancelled] = await Promise.all([
          instructions.claim(of.id, 'a', LONG_MS),
          others.cancel(id, REASON),
        ]);
        expect(cancelled?.status).toBe(claim === null ? 'cancelled' : 'running');
      }
    });
  });
});
