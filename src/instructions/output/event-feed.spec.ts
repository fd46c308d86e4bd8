import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { EventRows } from '../../../test/support/instructions/event-rows.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { DomainEvents } from '../../events/domain-events.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { EventFeed, POLL_MS } from './event-feed.js';

describe('EventFeed', () => {
  let rows: EventRows;
  let clock: FakeClock;
  let changes: InstructionChanges;
  let feed: EventFeed;
  let left: AbortController;

  beforeEach(() => {
    rows = new EventRows();
    clock = new FakeClock();
    changes = new InstructionChanges(new DomainEvents(quietLogger()), clock);
    changes.onApplicationBootstrap();
    feed = new EventFeed(rows.instructions, rows.store, changes, clock);
    left = new AbortController();
  });

  /** What a reader has been given so far, page by page. */
  function reader(after = 0, follow = true): { pages: number[][]; ended: Promise<void> } {
    const pages: number[][] = [];
    const ended = (async () => {
      for await (const page of feed.read({ instructionId: rows.id, after, follow, signal: left.signal }))
        pages.push(page.map(({ seq }) => seq));
    })();
    ended.catch(() => undefined);
    return { pages, ended };
  }
  const tell = async (): Promise<void> => {
    changes.grew(rows.row!);
    await settled();
  };

  it('gives what there is by now, page by page, and ends', async () => {
    rows.add(7);
    const { pages, ended } = reader(0, false);
    await ended;
    expect(pages).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
    const late = reader(5, false);
    await late.ended;
    expect(late.pages).toEqual([[6, 7]]);
    const beyond = reader(100, false);
    await beyond.ended;
    expect(beyond.pages).toEqual([]);
  });

  it('does not run after events that come faster than they are read', async () => {
    rows.add(2);
    const pages: number[][] = [];
    for await (const page of feed.read({ instructionId: rows.id, after: 0, follow: false, signal: left.signal })) {
      pages.push(page.map(({ seq }) => seq));
      rows.add(5);
    }
    expect(pages).toEqual([[1, 2]]);
  });

  it('goes on with what follows, without gap or repeat, until the instruction is over', async () => {
    rows.add(2);
    const { pages, ended } = reader();
    await settled();
    expect(pages).toEqual([[1, 2]]);
    rows.add(1);
    await tell();
    rows.add(1);
    rows.end();
    await tell();
    await ended;
    expect(pages).toEqual([[1, 2], [3], [4]]);
  });

  it('misses nothing that happens while it looks', async () => {
    const { pages } = reader();
    rows.add(1);
    await tell();
    expect(pages.flat()).toEqual([1]);
  });

  it('finds what it was not told of, and shows that it is there while there is nothing', async () => {
    const { pages, ended } = reader(1);
    await settled();
    await clock.advance(POLL_MS);
    expect(pages).toEqual([[]]);
    rows.add(2);
    rows.end();
    await clock.advance(POLL_MS);
    await ended;
    expect(pages).toEqual([[], [], [2]]);
  });

  it('waits beyond the end, and ends with the instruction', async () => {
    rows.add(1);
    const { pages, ended } = reader(5);
    await settled();
    rows.end();
    await tell();
    await ended;
    expect(pages.flat()).toEqual([]);
  });

  it('ends when the reader leaves, the instruction is gone, or the server ends, which is no end of the events', async () => {
    const [first, second] = [reader(), reader()];
    await settled();
    left.abort();
    await expect(first.ended).resolves.toBeUndefined();
    await expect(second.ended).resolves.toBeUndefined();
    left = new AbortController();
    const stopped = reader();
    await settled();
    feed.onModuleDestroy();
    await expect(stopped.ended).rejects.toMatchObject({ code: 'shutting_down' });
    rows.row = null;
    const gone = new EventFeed(rows.instructions, rows.store, changes, clock).read({
      instructionId: 'x',
      after: 0,
      follow: true,
      signal: left.signal,
    });
    await expect(gone.next()).resolves.toMatchObject({ done: true });
  });
});
