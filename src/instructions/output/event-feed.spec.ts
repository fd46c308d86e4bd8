import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { FakeInstructionStore } from '../../../test/support/instructions/fake-instruction-store.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { DomainEvents } from '../../events/domain-events.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { EventFeed, POLL_MS } from './event-feed.js';

describe('EventFeed', () => {
  let store: FakeInstructionStore;
  let clock: FakeClock;
  let changes: InstructionChanges;
  let feed: EventFeed;
  let client: AbortController;

  beforeEach(() => {
    store = new FakeInstructionStore();
    clock = new FakeClock();
    changes = new InstructionChanges(new DomainEvents(quietLogger()), clock);
    changes.onApplicationBootstrap();
    feed = new EventFeed(store.instructionsRepository, store.eventsRepository, changes, clock);
    client = new AbortController();
  });

  /** Starts to read, and collects the `seq`s of each page. */
  function read(after = 0, follow = true): { pages: number[][]; ended: Promise<void> } {
    const pages: number[][] = [];
    const ended = (async () => {
      for await (const page of feed.read({ instructionId: store.id, after, follow, signal: client.signal }))
        pages.push(page.map(({ seq }) => seq));
    })();
    ended.catch(() => undefined);
    return { pages, ended };
  }
  const notify = async (): Promise<void> => {
    changes.eventsAppended(store.row!);
    await settled();
  };

  it('yields the stored events in pages and ends', async () => {
    store.addEvents(7);
    const { pages, ended } = read(0, false);
    await ended;
    expect(pages).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
    const late = read(5, false);
    await late.ended;
    expect(late.pages).toEqual([[6, 7]]);
    const beyond = read(100, false);
    await beyond.ended;
    expect(beyond.pages).toEqual([]);
  });

  it('ends at the last event of the start when it does not follow', async () => {
    store.addEvents(2);
    const pages: number[][] = [];
    for await (const page of feed.read({ instructionId: store.id, after: 0, follow: false, signal: client.signal })) {
      pages.push(page.map(({ seq }) => seq));
      store.addEvents(5);
    }
    expect(pages).toEqual([[1, 2]]);
  });

  it('follows with new events, without gap or repeat, until the instruction ends', async () => {
    store.addEvents(2);
    const { pages, ended } = read();
    await settled();
    expect(pages).toEqual([[1, 2]]);
    store.addEvents(1);
    await notify();
    store.addEvents(1);
    store.finish();
    await notify();
    await ended;
    expect(pages).toEqual([[1, 2], [3], [4]]);
  });

  it('misses no event that is stored during a read', async () => {
    const { pages } = read();
    store.addEvents(1);
    await notify();
    expect(pages.flat()).toEqual([1]);
  });

  it('polls for events without notification, and yields an empty page when there are none', async () => {
    const { pages, ended } = read(1);
    await settled();
    await clock.advance(POLL_MS);
    expect(pages).toEqual([[]]);
    store.addEvents(2);
    store.finish();
    await clock.advance(POLL_MS);
    await ended;
    expect(pages).toEqual([[], [], [2]]);
  });

  it('waits for events after the given position until the instruction ends', async () => {
    store.addEvents(1);
    const { pages, ended } = read(5);
    await settled();
    store.finish();
    await notify();
    await ended;
    expect(pages.flat()).toEqual([]);
  });

  it('ends when the reader disconnects or the instruction is deleted, and throws when the server stops', async () => {
    const [first, second] = [read(), read()];
    await settled();
    client.abort();
    await expect(first.ended).resolves.toBeUndefined();
    await expect(second.ended).resolves.toBeUndefined();
    client = new AbortController();
    const stopped = read();
    await settled();
    feed.onModuleDestroy();
    await expect(stopped.ended).rejects.toMatchObject({ code: 'shutting_down' });
    store.row = null;
    const deleted = new EventFeed(store.instructionsRepository, store.eventsRepository, changes, clock).read({
      instructionId: 'x',
      after: 0,
      follow: true,
      signal: client.signal,
    });
    await expect(deleted.next()).resolves.toMatchObject({ done: true });
  });
});
