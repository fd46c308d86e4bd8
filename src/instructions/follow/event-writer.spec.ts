import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { instructionRow } from '../../../test/support/rows.js';
import type {
  EventBatch,
  InstructionEventsRepository,
} from '../../persistence/instructions/instruction-events.repository.js';
import type { InstructionPermissionsRepository } from '../../persistence/instructions/instruction-permissions.repository.js';
import type { InstructionChanges } from './instruction-changes.js';
import { type EventStores, EventWriter, LeaseLostError } from './event-writer.js';

const row = instructionRow({ lastSeq: 10, eventOffset: 100 });
const lease = { instructionId: row.id, holder: 'me', fence: 1 };
const ASK =
  '{"type":"control_request","request_id":"r","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{}}}';

describe('EventWriter', () => {
  let batches: EventBatch[];
  let told: string[];
  let written: PromiseWithResolvers<boolean>[];
  let writer: EventWriter;

  beforeEach(() => {
    batches = [];
    told = [];
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
      ask: async ({ requestId }: { requestId: string }) => void told.push(`ask ${requestId} before ${batches.length}`),
      close: async (_id: string, requestId: string) => void told.push(`close ${requestId}`),
    } as unknown as InstructionPermissionsRepository;
    const changes = {
      grew: ({ lastSeq }: { lastSeq: number }) => told.push(`grew to ${lastSeq}`),
      moved: ({ lastSeq }: { lastSeq: number }) => told.push(`moved to ${lastSeq}`),
    } as unknown as InstructionChanges;
    writer = new EventWriter(row, lease, { events, permissions, changes, clock: new FakeClock() } as EventStores);
  });

  const add = (...lines: string[]) => writer.add(lines.map((line) => Buffer.from(line)));
  const commit = async (index: number, held = true): Promise<void> => {
    written[index]!.resolve(held);
    await settled();
  };

  it('writes a single event at once, after the last one stored', async () => {
    await add('{"a":1}');
    await settled();
    expect(batches).toEqual([{ after: 10, events: ['{"a":1}'], offset: 108, sessionId: undefined }]);
    expect(told).toEqual([]);
    await commit(0);
    expect(told).toEqual(['grew to 11']);
  });

  it('writes what comes in the meantime together', async () => {
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
    expect(told).toEqual(['grew to 11', 'grew to 15']);
  });

  it('writes long batches in pieces, in order', async () => {
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

  it('makes the reader wait while too much is not written yet', async () => {
    const line = `"${'x'.repeat(1024 * 1024)}"`;
    let taken = false;
    const adding = add(line, line, line, line, line).then(() => (taken = true));
    await settled();
    for (let index = 0; index < 5; index++) {
      expect(taken).toBe(false);
      await commit(index);
    }
    await adding;
    expect(batches.map(({ events }) => events.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('notes what is asked before the event that asks can be seen', async () => {
    await add(ASK, '{"type":"control_cancel_request","request_id":"q"}');
    await settled();
    expect(told).toEqual(['ask r before 0', 'close q']);
    await commit(0);
    expect(told.at(-1)).toBe('moved to 12');
  });

  it('stops when somebody else follows, or the database is away', async () => {
    await add('1');
    await settled();
    await add('2');
    await commit(0, false);
    await expect(writer.flush()).rejects.toBeInstanceOf(LeaseLostError);
    await expect(add('3')).rejects.toBeInstanceOf(LeaseLostError);
    await writer.close();
    expect(batches).toHaveLength(1);
    expect(told).toEqual([]);
  });

  it('is closed when nothing is being written any more', async () => {
    await add('1');
    await settled();
    let closed = false;
    const closing = writer.close().then(() => (closed = true));
    await settled();
    expect(closed).toBe(false);
    written[0]!.reject(new Error('away'));
    await closing;
    await expect(writer.flush()).rejects.toThrow('away');
  });
});
