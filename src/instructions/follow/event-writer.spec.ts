import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { instructionRow } from '../../../test/support/rows.js';
import type {
  EventBatch,
  InstructionEventsRepository,
} from '../../persistence/instructions/instruction-events.repository.js';
import type { InstructionPermissionsRepository } from '../../persistence/instructions/instruction-permissions.repository.js';
import { DomainError } from '../../common/errors/domain-error.js';
import type { InstructionStorage } from './instruction-storage.js';
import type { InstructionChanges } from './instruction-changes.js';
import type { Settings } from '../../config/settings.js';
import { ModelPriceTable } from '../../spend/model-price-table.js';
import { EventWriter, EventWriterFactory, LeaseLostError } from './event-writer.js';
import { LiveFigures } from './live-figures.js';

const row = instructionRow({ lastSeq: 10, eventOffset: 100 });
const lease = { instructionId: row.id, holder: 'me', fence: 1 };
const PERMISSION_REQUEST =
  '{"type":"control_request","request_id":"r","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{}}}';

const prices = new ModelPriceTable({} as Settings);

describe('EventWriter', () => {
  let batches: EventBatch[];
  let calls: string[];
  let written: PromiseWithResolvers<boolean>[];
  let writer: EventWriter;
  let openPermissions: 'few' | 'many';
  let isStorageFull: boolean;

  beforeEach(() => {
    batches = [];
    calls = [];
    written = [];
    [openPermissions, isStorageFull] = ['few', false];
    const events = {
      append: (_lease: unknown, batch: EventBatch) => {
        batches.push(batch);
        const pending = Promise.withResolvers<boolean>();
        written.push(pending);
        return pending.promise;
      },
    } as unknown as InstructionEventsRepository;
    const permissions = {
      insert: async ({ requestId }: { requestId: string }) => {
        calls.push(`insert ${requestId} before batch ${batches.length}`);
        return openPermissions === 'few' ? 'written' : 'full';
      },
      close: async (_id: string, requestId: string) => void calls.push(`close ${requestId}`),
    } as unknown as InstructionPermissionsRepository;
    const changes = {
      eventsAppended: ({ lastSeq }: { lastSeq: number }) => calls.push(`appended ${lastSeq}`),
      stateChanged: ({ lastSeq }: { lastSeq: number }) => calls.push(`changed ${lastSeq}`),
    } as unknown as InstructionChanges;
    writer = new EventWriter(row, lease, new LiveFigures(prices), {
      events,
      permissions,
      changes,
      clock: new FakeClock(),
      storage: {
        requireRoom: async () => {
          if (isStorageFull) throw new DomainError('instruction_storage_full', 'full');
        },
        add: () => undefined,
      } as unknown as InstructionStorage,
      limits: { maxEvents: 20_000, maxBytes: 10 * 1024 * 1024, storageBytes: 0 },
    });
  });

  const add = (...lines: string[]) => writer.add(lines.map((line) => Buffer.from(line)));
  const commit = async (index: number, isHeld = true): Promise<void> => {
    written[index]!.resolve(isHeld);
    await settled();
  };

  it('writes a single event at once, after the last one stored', async () => {
    await add('{"a":1}');
    await settled();
    expect(batches).toEqual([{ after: 10, events: ['{"a":1}'], offset: 108, sessionId: undefined }]);
    expect(calls).toEqual([]);
    await commit(0);
    expect(calls).toEqual(['appended 11']);
  });

  it('writes with the events what the run has used, when that has changed', async () => {
    await add('{"type":"assistant","message":{"id":"a","model":"claude-sonnet-4-5","usage":{"input_tokens":1000}}}');
    await settled();
    expect(batches[0]!.figures).toEqual({
      turns: 1,
      usage: {
        input_tokens: 1_000,
        output_tokens: 0,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
      },
      costUsd: expect.closeTo(0.003, 6),
      costEstimated: true,
    });
    await commit(0);
    await add('{"type":"user"}');
    await settled();
    expect(batches[1]).not.toHaveProperty('figures');
    expect(writer.unreportedFigures).toMatchObject({ turns: 1 });
    await commit(1);
  });

  it('continues the figures of the events that are stored already', async () => {
    const event = '{"type":"assistant","message":{"id":"a","usage":{"input_tokens":7}}}';
    const page = async ({ after }: { after: number }) => (after >= row.lastSeq ? [] : [{ seq: after + 1, event }]);
    const factory = new EventWriterFactory(
      { page } as unknown as InstructionEventsRepository,
      {} as InstructionPermissionsRepository,
      {} as InstructionChanges,
      new FakeClock(),
      {} as InstructionStorage,
      prices,
      {} as Settings,
    );
    const next = await factory.create(row, lease);
    expect(next.unreportedFigures).toMatchObject({ turns: 1, usage: { input_tokens: 7 } });
  });

  it('writes events that arrive during a write as one batch', async () => {
    await add('1');
    await settled();
    for (const line of ['2', '3', '4']) await add(line);
    await add('{"type":"system","subtype":"init","session_id":"s"}');
    expect(batches).toHaveLength(1);
    await commit(0);
    expect(batches[1]).toMatchObject({
      after: 11,
      events: ['2', '3', '4', expect.any(String)],
      offset: 160,
      sessionId: 's',
    });
    const flushed = writer.flush();
    await commit(1);
    await flushed;
    expect(calls).toEqual(['appended 11', 'appended 15']);
  });

  it('splits long batches, in order', async () => {
    const lines = Array.from({ length: 12_000 }, (_, index) => String(index));
    await add(...lines);
    for (let index = 0; index < 3; index++) {
      await settled();
      await commit(index);
    }
    expect(batches.map(({ after, events }) => [after, events.length])).toEqual([
      [10, 5_000],
      [5_010, 5_000],
      [10_010, 2_000],
    ]);
    expect(batches.flatMap(({ events }) => events)).toEqual(lines);
    expect(batches.at(-1)!.offset).toBe(100 + lines.join('\n').length + 1);
  });

  it('makes add wait while too many bytes are pending', async () => {
    const line = `"${'x'.repeat(1024 * 1024)}"`;
    let added = false;
    const adding = add(line, line, line, line, line).then(() => (added = true));
    await settled();
    for (let index = 0; index < 5; index++) {
      expect(added).toBe(false);
      await commit(index);
    }
    await adding;
    expect(batches.map(({ events }) => events.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('stores a permission request before the events of its batch', async () => {
    await add(PERMISSION_REQUEST, '{"type":"control_cancel_request","request_id":"q"}');
    await settled();
    expect(calls).toEqual(['insert r before batch 0', 'close q']);
    await commit(0);
    expect(calls.at(-1)).toBe('changed 12');
  });

  it('stops and throws when the lease is lost', async () => {
    await add('1');
    await settled();
    await add('2');
    await commit(0, false);
    await expect(writer.flush()).rejects.toBeInstanceOf(LeaseLostError);
    await expect(add('3')).rejects.toBeInstanceOf(LeaseLostError);
    await writer.close();
    expect(batches).toHaveLength(1);
    expect(calls).toEqual([]);
  });

  it('waits in close for a write that fails, without throwing', async () => {
    await add('1');
    await settled();
    let closed = false;
    const closing = writer.close().then(() => (closed = true));
    await settled();
    expect(closed).toBe(false);
    written[0]!.reject(new Error('unavailable'));
    await closing;
    await expect(writer.flush()).rejects.toThrow('unavailable');
  });

  const limit = { code: 'output_limit_exceeded' };

  it('stores as many events as a run may have over all attempts, then ends it', async () => {
    const lines = Array.from({ length: 19_992 }, () => '1');
    const adding = add(...lines);
    adding.catch(() => undefined);
    for (let index = 0; index < 4; index++) {
      await settled();
      await commit(index);
    }
    await expect(adding).rejects.toMatchObject(limit);
    expect(batches.reduce((count, { events }) => count + events.length, 0)).toBe(19_990);
  });

  it('counts the bytes that are stored, which are more than those of a line that is not JSON', async () => {
    const line = '\u0001'.repeat(2 * 1024 * 1024);
    await expect(add(line)).rejects.toMatchObject(limit);
    expect(batches).toEqual([]);
  });

  it('ends a run that has too many open permission requests', async () => {
    openPermissions = 'many';
    await add(PERMISSION_REQUEST);
    await expect(writer.flush()).rejects.toMatchObject(limit);
    expect(batches).toEqual([]);
  });

  it('stores nothing while the storage of all instructions is full', async () => {
    isStorageFull = true;
    await add('1');
    await expect(writer.flush()).rejects.toMatchObject({ code: 'instruction_storage_full' });
    expect(batches).toEqual([]);
  });
});
