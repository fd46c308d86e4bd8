/** The data of instructions in the database: events, permission requests and patches, and their deletion. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { DrizzleContainersRepository } from '../../src/persistence/containers/drizzle-containers.repository.js';
import { DrizzleInstructionDiffsRepository } from '../../src/persistence/instructions/drizzle-instruction-diffs.repository.js';
import { DrizzleInstructionEventsRepository } from '../../src/persistence/instructions/drizzle-instruction-events.repository.js';
import { DrizzleInstructionPermissionsRepository } from '../../src/persistence/instructions/drizzle-instruction-permissions.repository.js';
import { DrizzleInstructionsRepository } from '../../src/persistence/instructions/drizzle-instructions.repository.js';
import type { StoredEvent } from '../../src/persistence/instructions/instruction-events.repository.js';
import type { InstructionLease } from '../../src/persistence/instructions/instructions.repository.js';
import { containerRow, jobRow, newInstruction, T0 } from '../support/rows.js';
import { openTestDatabase, type TestDatabase } from './repositories-database.js';
import { EVERYTHING } from '../../src/persistence/everything.js';

const LONG_MS = 60_000;
const TABLES = [
  'instructions',
  'instruction_events',
  'instruction_permissions',
  'instruction_diffs',
  'idempotency_keys',
];

const MAX_OPEN = 100;

describe('the data of instructions', () => {
  let test: TestDatabase;
  let containers: DrizzleContainersRepository;
  let instructions: DrizzleInstructionsRepository;
  let events: DrizzleInstructionEventsRepository;
  let permissions: DrizzleInstructionPermissionsRepository;
  let diffs: DrizzleInstructionDiffsRepository;

  beforeAll(async () => {
    test = await openTestDatabase();
    containers = new DrizzleContainersRepository(test.database);
    instructions = new DrizzleInstructionsRepository(test.database);
    events = new DrizzleInstructionEventsRepository(test.database);
    permissions = new DrizzleInstructionPermissionsRepository(test.database);
    diffs = new DrizzleInstructionDiffsRepository(test.database);
  }, 60_000);
  afterEach(async () => {
    await test.database.pool.query('truncate containers, idempotency_keys, instruction_events cascade');
  });
  afterAll(() => test.close());

  async function running(): Promise<InstructionLease> {
    const of = containerRow();
    await containers.insert(of, jobRow(of));
    await instructions.insert(newInstruction(of), { key: of.id, bodyHash: 'h' });
    return (await instructions.claim(of.id, 'a', LONG_MS))!.lease;
  }
  async function every(instructionId: string): Promise<StoredEvent[]> {
    const all: StoredEvent[] = [];
    for (;;) {
      const page = await events.page({ instructionId, after: all.length });
      if (page.length === 0) return all;
      all.push(...page);
    }
  }
  const numbered = (texts: string[], from = 1): StoredEvent[] =>
    texts.map((event, index) => ({ seq: from + index, event }));

  describe('events', () => {
    it('are stored unchanged', async () => {
      const lease = await running();
      const texts = [
        '{"a": 1,"b":"\\u0000 \\ud800 \\"x\\" \\\\"}',
        '{"b":"ü €  \u{1f600} \t\\n","a":1}',
        '"no object"',
        '{}',
        `{"long":"${'x'.repeat(2_000_000)}"}`,
        '{"b":null,  "b":1}',
      ];
      await expect(events.append(lease, { after: 0, events: texts, offset: 77 })).resolves.toBe(true);
      await expect(every(lease.instructionId)).resolves.toEqual(numbered(texts));
      await expect(instructions.findById(lease.instructionId, EVERYTHING)).resolves.toMatchObject({
        lastSeq: 6,
        eventOffset: 77,
        sessionId: null,
      });
    });

    it('are numbered without gaps and written once', async () => {
      const lease = await running();
      await expect(events.append(lease, { after: 0, events: ['1', '2'], offset: 4, sessionId: 's' })).resolves.toBe(
        true,
      );
      for (const after of [0, 1, 3])
        await expect(events.append(lease, { after, events: ['x'], offset: 9 })).resolves.toBe(false);
      await expect(events.append(lease, { after: 2, events: ['3'], offset: 6 })).resolves.toBe(true);
      await expect(every(lease.instructionId)).resolves.toEqual(numbered(['1', '2', '3']));
      await expect(instructions.findById(lease.instructionId, EVERYTHING)).resolves.toMatchObject({
        lastSeq: 3,
        eventOffset: 6,
        sessionId: 's',
      });
    });

    it('are accepted from the holder of the lease only', async () => {
      const stale = await running();
      await instructions.release(stale);
      const { containerId } = (await instructions.findById(stale.instructionId, EVERYTHING))!;
      const present = (await instructions.claim(containerId, 'b', LONG_MS))!.lease;
      await expect(events.append(stale, { after: 0, events: ['stale'], offset: 6 })).resolves.toBe(false);
      await expect(events.append(present, { after: 0, events: ['present'], offset: 8 })).resolves.toBe(true);
      await instructions.finish(present, { status: 'succeeded', reason: null });
      await expect(events.append(present, { after: 1, events: ['late'], offset: 13 })).resolves.toBe(false);
      await expect(every(stale.instructionId)).resolves.toEqual(numbered(['present']));
    });

    it('are read from any position in pages of bounded length', async () => {
      const [lease, another] = [await running(), await running()];
      await events.append(another, { after: 0, events: ['another'], offset: 8 });
      const texts = Array.from({ length: 2_500 }, (_, index) => String(index + 1));
      await events.append(lease, { after: 0, events: texts, offset: 1 });
      const page = (after: number, through?: number) =>
        events.page({ instructionId: lease.instructionId, after, through });
      expect((await page(0)).map(({ seq }) => seq)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
      await expect(page(2_498)).resolves.toEqual([
        { seq: 2_499, event: '2499' },
        { seq: 2_500, event: '2500' },
      ]);
      await expect(page(2_500)).resolves.toEqual([]);
      await expect(events.page({ instructionId: lease.instructionId, after: 4, maxEvents: 2 })).resolves.toEqual([
        { seq: 5, event: '5' },
        { seq: 6, event: '6' },
      ]);
      await expect(events.page({ instructionId: lease.instructionId, after: 4, targetBytes: 2 })).resolves.toEqual([
        { seq: 5, event: '5' },
        { seq: 6, event: '6' },
      ]);
      await expect(page(10, 12)).resolves.toEqual([
        { seq: 11, event: '11' },
        { seq: 12, event: '12' },
      ]);
      await expect(events.page({ instructionId: randomUUID(), after: 0 })).resolves.toEqual([]);
    });

    it('are read in pages of bounded size with at least one event', async () => {
      const lease = await running();
      const texts = [700_000, 700_000, 3_000_000, 10, 10].map((length) => `"${'x'.repeat(length)}"`);
      await events.append(lease, { after: 0, events: texts, offset: 1 });
      const seqs = async (after: number) =>
        (await events.page({ instructionId: lease.instructionId, after })).map(({ seq }) => seq);
      await expect(Promise.all([seqs(0), seqs(2), seqs(3)])).resolves.toEqual([[1, 2], [3], [4, 5]]);
    });
  });

  describe('permissions', () => {
    const permission = ({ instructionId }: InstructionLease, requestId: string) => ({
      instructionId,
      requestId,
      toolName: 'Bash',
      input: '{"command":"\\u0000"}',
      askedAt: T0,
    });

    it('stay open until they are answered once', async () => {
      const lease = await running();
      const { instructionId } = lease;
      for (const id of ['b', 'a', 'b']) await permissions.insert(permission(lease, id), MAX_OPEN);
      await expect(permissions.listOpen([instructionId, randomUUID()])).resolves.toEqual(
        ['a', 'b'].map((id) => ({ ...permission(lease, id), decision: null, closedAt: null })),
      );
      await expect(permissions.listOpen([])).resolves.toEqual([]);
      const answers = await Promise.all([
        permissions.decide(instructionId, 'a', 'allow'),
        permissions.decide(instructionId, 'a', 'deny'),
      ]);
      expect(answers.toSorted()).toEqual([false, true]);
      await permissions.insert(permission(lease, 'a'), MAX_OPEN);
      await expect(permissions.listOpen([instructionId])).resolves.toMatchObject([{ requestId: 'b' }]);
      await permissions.reopen(instructionId, 'a');
      await expect(permissions.find(instructionId, 'a')).resolves.toMatchObject({ decision: null, closedAt: null });
      await expect(permissions.find(instructionId, 'c')).resolves.toBeNull();
    });

    it('are refused beyond the number that may be open, unless they are there already', async () => {
      const lease = await running();
      for (const id of ['a', 'b']) await expect(permissions.insert(permission(lease, id), 2)).resolves.toBe('written');
      await expect(permissions.insert(permission(lease, 'c'), 2)).resolves.toBe('full');
      await expect(permissions.insert(permission(lease, 'b'), 2)).resolves.toBe('written');
      await permissions.decide(lease.instructionId, 'a', 'allow');
      await expect(permissions.insert(permission(lease, 'c'), 2)).resolves.toBe('written');
      expect(await permissions.listOpen([lease.instructionId])).toHaveLength(2);
    });

    it('are closed with the instruction', async () => {
      const lease = await running();
      for (const id of ['a', 'b', 'c']) await permissions.insert(permission(lease, id), MAX_OPEN);
      await permissions.close(lease.instructionId, 'a');
      await expect(permissions.decide(lease.instructionId, 'a', 'allow')).resolves.toBe(false);
      await expect(permissions.listOpen([lease.instructionId])).resolves.toHaveLength(2);
      await instructions.finish(lease, { status: 'failed', reason: null });
      await expect(permissions.listOpen([lease.instructionId])).resolves.toEqual([]);
    });
  });

  it('tells how much the output of all instructions takes', async () => {
    const before = await instructions.storedBytes();
    const lease = await running();
    await events.append(lease, { after: 0, events: ['1'], offset: 1_000 });
    await instructions.finish(lease, { status: 'succeeded', reason: null, patch: { diffBytes: 234 } as never });
    expect((await instructions.storedBytes()) - before).toBe(1_234);
  });

  it('includes a patch in parts', async () => {
    const { instructionId } = await running();
    await expect(diffs.getPart(instructionId, 0)).resolves.toBeNull();
    const patch = Buffer.from([0, 1, 255, 10]);
    for (const part of [0, 1, 0]) await diffs.putPart(instructionId, part, Buffer.concat([patch, Buffer.from([part])]));
    await expect(diffs.getPart(instructionId, 0)).resolves.toEqual(Buffer.from([0, 1, 255, 10, 0]));
    await expect(diffs.getPart(instructionId, 1)).resolves.toEqual(Buffer.from([0, 1, 255, 10, 1]));
    await expect(diffs.getPart(instructionId, 2)).resolves.toBeNull();
  });

  it('is deleted with the container, including events that are written concurrently', async () => {
    const lease = await running();
    const kept = await running();
    const { containerId } = (await instructions.findById(lease.instructionId, EVERYTHING))!;
    await permissions.insert(
      {
        instructionId: lease.instructionId,
        requestId: 'a',
        toolName: 'Bash',
        input: '{}',
        askedAt: T0,
      },
      MAX_OPEN,
    );
    await diffs.putPart(lease.instructionId, 0, Buffer.from('x'));
    for (const each of [lease, kept]) await events.append(each, { after: 0, events: ['1'], offset: 2 });
    const held = (await containers.acquireLease(containerId, 'holder', LONG_MS))!;
    let after = 1;
    const writing = (async () => {
      while (await events.append(lease, { after, events: [String(after)], offset: after })) after += 1;
    })();
    await containers.tombstone(containerId, held);
    await writing;
    for (const table of TABLES) {
      const { rows } = await test.database.pool.query(`select * from ${table}`);
      expect(JSON.stringify(rows)).not.toContain(lease.instructionId);
    }
    await expect(every(kept.instructionId)).resolves.toEqual(numbered(['1']));
  });
});
