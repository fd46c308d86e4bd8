import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { EventRows } from '../../../test/support/instructions/event-rows.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { FakeSocket } from '../../../test/support/sockets/fake-socket.js';
import { DomainEvents } from '../../events/domain-events.js';
import { SocketCounters } from '../../realtime/socket-counters.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { InstructionView } from '../api/instruction-view.js';
import { type InstructionsService, instructionNotFound } from '../api/instructions.service.js';
import { InstructionsGateway } from './instructions.gateway.js';

describe('InstructionsGateway', () => {
  let rows: EventRows;
  let changes: InstructionChanges;
  let gateway: InstructionsGateway;
  let socket: FakeSocket;

  beforeEach(() => {
    rows = new EventRows();
    changes = new InstructionChanges(new DomainEvents(quietLogger()), new FakeClock());
    changes.onApplicationBootstrap();
    const find = async (_: unknown, id: string) => {
      if (rows.row === null || id === 'nobody') throw instructionNotFound(id);
      return { ...rows.row, id };
    };
    const view = new InstructionView({ open: async () => [] } as never);
    gateway = new InstructionsGateway(
      { find } as unknown as InstructionsService,
      rows.instructions,
      rows.store,
      view,
      changes,
      [],
      new SocketCounters(),
    );
    gateway.onApplicationBootstrap();
    socket = new FakeSocket();
  });
  afterEach(() => gateway.onModuleDestroy());

  const subscribe = async (payload: object = {}, by = socket) => {
    const answer = await gateway.subscribe(by.typed, { instructionId: rows.id, ...payload });
    await quiet();
    return answer;
  };
  /** A page is several turns of waiting for the database. */
  const quiet = async (): Promise<void> => {
    for (let turn = 0; turn < 40; turn++) await settled();
  };
  const tell = async (): Promise<void> => {
    changes.grew(rows.row!);
    await quiet();
  };
  const shown = (by = socket): (number | string)[] =>
    by.sent.map(({ event, payload }) =>
      event === 'instruction:event'
        ? (payload['seq'] as number)
        : event === 'instruction:update'
          ? (payload['instruction'] as { status: string }).status
          : event,
    );

  it('shows how it is, what was before, what follows, and how it ended', async () => {
    rows.add(5);
    await expect(subscribe()).resolves.toEqual({ ok: true });
    expect(shown()).toEqual(['running', 1, 2, 3, 4, 5]);
    expect(socket.sent[1]!.payload).toEqual({ instructionId: rows.id, seq: 1, event: { n: 1 } });
    rows.add(1);
    await tell();
    rows.add(1);
    rows.end();
    await tell();
    expect(shown()).toEqual(['running', 1, 2, 3, 4, 5, 6, 7, 'succeeded']);
    await tell();
    expect(shown()).toHaveLength(9);
  });

  it('shows the end of one that is over after its events, once', async () => {
    rows.add(2);
    rows.end();
    await subscribe({ after: 1 });
    expect(shown()).toEqual([2, 'succeeded']);
    await subscribe({ after: 2 });
    expect(shown().slice(2)).toEqual(['succeeded']);
  });

  it('shows what changes beside the events, and is silent when nothing does', async () => {
    await subscribe();
    rows.change({ sessionId: 's' });
    await tell();
    await tell();
    expect(shown()).toEqual(['running', 'running']);
  });

  it('reads for a slow client no more than a page ahead', async () => {
    socket = new FakeSocket(true);
    rows.add(50);
    await subscribe();
    expect(shown()).toEqual(['running']);
    for (let message = 0; message < 20; message++) {
      rows.add(10);
      changes.grew(rows.row!);
      socket.drain();
      await quiet();
    }
    expect(shown().slice(1)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    const read = Math.max(...rows.pages.map(({ after }) => after));
    expect(read).toBeLessThanOrEqual(20);
    expect(rows.pages.every(({ mostEvents, enoughBytes }) => mostEvents! <= 200 && enoughBytes! <= 64 * 1024)).toBe(
      true,
    );
  });

  it('begins again when it is asked for again', async () => {
    rows.add(2);
    await subscribe();
    await subscribe({ after: 1 });
    expect(shown()).toEqual(['running', 1, 2, 'running', 2]);
    rows.add(1);
    await tell();
    expect(shown().slice(-1)).toEqual([3]);
    expect(shown()).toHaveLength(6);
  });

  it('stops when it is told to, or the client leaves', async () => {
    await subscribe();
    await expect(gateway.unsubscribe(socket.typed, { instructionId: rows.id })).resolves.toEqual({ ok: true });
    rows.add(1);
    await tell();
    expect(shown()).toEqual(['running']);
    await subscribe();
    gateway.handleDisconnect(socket.typed);
    rows.add(1);
    await tell();
    expect(shown()).toEqual(['running', 'running', 1]);
  });

  it('goes on when the database was away', async () => {
    await subscribe();
    rows.away = true;
    rows.add(1);
    await tell();
    rows.away = false;
    await tell();
    expect(shown()).toEqual(['running', 1]);
  });

  it('tells that the instruction is gone', async () => {
    await subscribe();
    const { id } = rows;
    changes.grew({ ...rows.row!, lastSeq: 0 });
    const gone = rows.row!;
    rows.row = null;
    changes.grew(gone);
    await quiet();
    expect(socket.of('instruction:removed')).toEqual([{ instructionId: id }]);
  });

  it('refuses too many, and what is wrong', async () => {
    for (let index = 0; index < 100; index++) await gateway.subscribe(socket.typed, { instructionId: `i${index}` });
    await expect(gateway.subscribe(socket.typed, { instructionId: 'i100' })).resolves.toMatchObject({
      ok: false,
      error: { code: 'too_many_subscriptions' },
    });
    await expect(gateway.subscribe(socket.typed, { instructionId: 'nobody' })).resolves.toMatchObject({
      ok: false,
      error: { code: 'instruction_not_found' },
    });
    await expect(gateway.subscribe(socket.typed, { instructionId: 5 })).resolves.toMatchObject({
      ok: false,
      error: { code: 'validation_failed' },
    });
  });

  it('leaves room once an instruction is over', async () => {
    rows.end();
    for (let index = 0; index < 150; index++) await subscribe({ instructionId: `i${index}` });
    expect(shown().filter((each) => each === 'succeeded')).toHaveLength(150);
  });
});
