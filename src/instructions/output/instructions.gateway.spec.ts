import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { FakeInstructionStore } from '../../../test/support/instructions/fake-instruction-store.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { FakeSocket } from '../../../test/support/sockets/fake-socket.js';
import { DomainEvents } from '../../events/domain-events.js';
import { SocketCounters } from '../../realtime/socket-counters.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { InstructionView } from '../api/instruction-view.js';
import { type InstructionsService, instructionNotFound } from '../api/instructions.service.js';
import { POLL_MS } from './event-feed.js';
import { InstructionSubscriptions } from './instruction-subscriptions.js';
import { InstructionsGateway } from './instructions.gateway.js';

describe('InstructionsGateway', () => {
  let store: FakeInstructionStore;
  let changes: InstructionChanges;
  let clock: FakeClock;
  let subscriptions: InstructionSubscriptions;
  let gateway: InstructionsGateway;
  let socket: FakeSocket;

  beforeEach(() => {
    store = new FakeInstructionStore();
    clock = new FakeClock();
    changes = new InstructionChanges(new DomainEvents(quietLogger()), clock);
    changes.onApplicationBootstrap();
    const find = async (_: unknown, id: string) => {
      if (store.row === null || id === 'unknown') throw instructionNotFound(id);
      return { ...store.row, id };
    };
    const view = new InstructionView({ listOpen: async () => [] } as never);
    const { instructionsRepository, eventsRepository } = store;
    const counters = new SocketCounters();
    subscriptions = new InstructionSubscriptions(
      instructionsRepository,
      eventsRepository,
      view,
      changes,
      clock,
      counters,
    );
    subscriptions.onApplicationBootstrap();
    gateway = new InstructionsGateway({ find } as unknown as InstructionsService, subscriptions, []);
    socket = new FakeSocket();
  });
  afterEach(() => subscriptions.onModuleDestroy());

  const subscribe = async (payload: object = {}, by = socket) => {
    const answer = await gateway.subscribe(by.typed, { instructionId: store.id, ...payload });
    await allSettled();
    return answer;
  };
  /** Lets the subscriptions send what they can. A page takes several asynchronous steps. */
  const allSettled = async (): Promise<void> => {
    for (let step = 0; step < 40; step++) await settled();
  };
  const notify = async (): Promise<void> => {
    changes.eventsAppended(store.row!);
    await allSettled();
  };
  const sent = (by = socket): (number | string)[] =>
    by.sent.map(({ event, payload }) =>
      event === 'instruction:event'
        ? (payload['seq'] as number)
        : event === 'instruction:update'
          ? (payload['instruction'] as { status: string }).status
          : event,
    );

  it('sends events of another process, of which it is not notified, at the next poll', async () => {
    store.addEvents(1);
    await subscribe();
    store.addEvents(1);
    await allSettled();
    expect(sent()).toEqual(['running', 1]);
    await clock.advance(POLL_MS);
    await allSettled();
    expect(sent()).toEqual(['running', 1, 2]);
  });

  it('sends the state, past events, new events and the end, in this order', async () => {
    store.addEvents(5);
    await expect(subscribe()).resolves.toEqual({ ok: true });
    expect(sent()).toEqual(['running', 1, 2, 3, 4, 5]);
    expect(socket.sent[1]!.payload).toEqual({ instructionId: store.id, seq: 1, event: { n: 1 } });
    store.addEvents(1);
    await notify();
    store.addEvents(1);
    store.finish();
    await notify();
    expect(sent()).toEqual(['running', 1, 2, 3, 4, 5, 6, 7, 'succeeded']);
    await notify();
    expect(sent()).toHaveLength(9);
  });

  it('sends a finished instruction once, after its events', async () => {
    store.addEvents(2);
    store.finish();
    await subscribe({ after: 1 });
    expect(sent()).toEqual([2, 'succeeded']);
    await subscribe({ after: 2 });
    expect(sent().slice(2)).toEqual(['succeeded']);
  });

  it('sends an update for a change that is not an event, and nothing without a change', async () => {
    await subscribe();
    store.change({ sessionId: 's' });
    await notify();
    await notify();
    expect(sent()).toEqual(['running', 'running']);
  });

  it('reads at most one page ahead of a slow client', async () => {
    socket = new FakeSocket(true);
    store.addEvents(50);
    await subscribe();
    expect(sent()).toEqual(['running']);
    for (let message = 0; message < 20; message++) {
      store.addEvents(10);
      changes.eventsAppended(store.row!);
      socket.drain();
      await allSettled();
    }
    expect(sent().slice(1)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    const read = Math.max(...store.pageQueries.map(({ after }) => after));
    expect(read).toBeLessThanOrEqual(20);
    expect(
      store.pageQueries.every(({ maxEvents, targetBytes }) => maxEvents! <= 200 && targetBytes! <= 64 * 1024),
    ).toBe(true);
  });

  it('starts over when the client subscribes again', async () => {
    store.addEvents(2);
    await subscribe();
    await subscribe({ after: 1 });
    expect(sent()).toEqual(['running', 1, 2, 'running', 2]);
    store.addEvents(1);
    await notify();
    expect(sent().slice(-1)).toEqual([3]);
    expect(sent()).toHaveLength(6);
  });

  it('stops when the client unsubscribes or disconnects', async () => {
    await subscribe();
    await expect(gateway.unsubscribe(socket.typed, { instructionId: store.id })).resolves.toEqual({ ok: true });
    store.addEvents(1);
    await notify();
    expect(sent()).toEqual(['running']);
    await subscribe();
    gateway.handleDisconnect(socket.typed);
    store.addEvents(1);
    await notify();
    expect(sent()).toEqual(['running', 'running', 1]);
  });

  it('continues after the database was unavailable', async () => {
    await subscribe();
    store.isUnavailable = true;
    store.addEvents(1);
    await notify();
    store.isUnavailable = false;
    await notify();
    expect(sent()).toEqual(['running', 1]);
  });

  it('reports that the instruction was deleted', async () => {
    await subscribe();
    const { id } = store;
    changes.eventsAppended({ ...store.row!, lastSeq: 0 });
    const deleted = store.row!;
    store.row = null;
    changes.eventsAppended(deleted);
    await allSettled();
    expect(socket.of('instruction:removed')).toEqual([{ instructionId: id }]);
  });

  it('refuses the 101st subscription, an unknown instruction and an invalid payload', async () => {
    for (let index = 0; index < 100; index++) await gateway.subscribe(socket.typed, { instructionId: `i${index}` });
    await expect(gateway.subscribe(socket.typed, { instructionId: 'i100' })).resolves.toMatchObject({
      ok: false,
      error: { code: 'too_many_subscriptions' },
    });
    await expect(gateway.subscribe(socket.typed, { instructionId: 'unknown' })).resolves.toMatchObject({
      ok: false,
      error: { code: 'instruction_not_found' },
    });
    await expect(gateway.subscribe(socket.typed, { instructionId: 5 })).resolves.toMatchObject({
      ok: false,
      error: { code: 'validation_failed' },
    });
  });

  it('does not count finished instructions against the limit', async () => {
    store.finish();
    for (let index = 0; index < 150; index++) await subscribe({ instructionId: `i${index}` });
    expect(sent().filter((each) => each === 'succeeded')).toHaveLength(150);
  });
});
