import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { instructionRow } from '../../../test/support/rows.js';
import type {
  EventBatch,
  InstructionEventsRepository,
} from '../../persistence/instructions/instruction-events.repository.js';
import type { InstructionPermissionsRepository } from '../../persistence/instructions/instruction-permissions.repository.js';
import type { InstructionChanges } from './instruction-changes.js';
import { EventWriter, LeaseLostError } from './event-writer.js';

const row = instructionRow({ lastSeq: 10, eventOffset: 100 });
const lease = { instructionId: row.id, holder: 'me', fence: 1 };
const PERMISSION_REQUEST =
  '{"type":"control_request","request_id":"r","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{}}}';

describe('EventWriter', () => {
  let batches: EventBatch[];
  let calls: string[];
  let written: PromiseWithResolvers<boolean>[];
  let writer: EventWriter;

  beforeEach(() => {
    batches = [];
    calls = [];
    written = [];
    const events = {
      append: (_lease: unknown, batch: EventBatch) => {
        batches.push(batch);
        const pending = Promise.withResolvers<boolean>();
        written.push(pending);
        return pending.promise;
      },
    } as unknown as InstructionEventsRepository;
    const permissions = {
      insert: async ({ requestId }: { requestId: string }) =>
        void calls.push(`insert ${requestId} before batch ${batches.length}`),
      close: async (_id: string, requestId: string) => void calls.push(`close ${requestId}`),
    } as unknown as InstructionPermissionsRepository;
    const changes = {
      eventsAppended: ({ lastSeq }: { lastSeq: number }) => calls.push(`appended ${lastSeq}`),
      stateChanged: ({ lastSeq }: { lastSeq: number }) => calls.push(`changed ${lastSeq}`),
    } as unknown as InstructionChanges;
    writer = new EventWriter(row, lease, {
      events,
      permissions,
      changes,
      clock: new FakeClock(),
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
});
