import { beforeEach, describe, expect, it } from '@jest/globals';
import { LatestMessages, Outbox, type OutboxSource } from './outbox.js';
import type { ServerMessage } from './server-message.js';

const message = (containerId: string, count: number): ServerMessage => ({
  event: 'logs:dropped',
  payload: { containerId, count },
});

/** Takes one message each time it is drained. */
class FakeTransport {
  readonly sent: string[] = [];
  drained = true;
  private listener: () => void = () => undefined;

  isDrained(): boolean {
    return this.drained;
  }

  onDrain(listener: () => void): void {
    this.listener = listener;
  }

  send({ payload }: ServerMessage): void {
    const { containerId, count } = payload as { containerId: string; count: number };
    this.sent.push(`${containerId}${count}`);
    this.drained = false;
  }

  next(): void {
    this.drained = true;
    this.listener();
  }

  all(): string[] {
    for (let before = -1; before < this.sent.length;) {
      before = this.sent.length;
      this.next();
    }
    return this.sent;
  }
}

class FakeSource implements OutboxSource {
  taken = 0;

  constructor(
    private readonly name: string,
    private left: number,
  ) {}

  take(): ServerMessage | undefined {
    if (this.left === 0) return undefined;
    this.left -= 1;
    return message(this.name, ++this.taken);
  }
}

let transport: FakeTransport;
let outbox: Outbox;

beforeEach(() => {
  transport = new FakeTransport();
  outbox = new Outbox(transport);
});

describe('an outbox', () => {
  it('takes messages from its sources round robin', () => {
    transport.drained = false;
    for (const source of [new FakeSource('a', 4), new FakeSource('b', 1), new FakeSource('c', 2)]) outbox.wake(source);
    expect(transport.all()).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4']);
  });

  it('takes no message from its sources while the one before is unsent', () => {
    const source = new FakeSource('a', 1_000);
    for (let at = 0; at < 1_000; at++) outbox.wake(source);
    expect(source.taken).toBe(1);
    transport.next();
    expect(source.taken).toBe(2);
  });

  it('continues when a source has messages again', () => {
    outbox.wake(new FakeSource('a', 1));
    transport.all();
    outbox.wake(new FakeSource('b', 1));
    expect(transport.all()).toEqual(['a1', 'b1']);
  });

  it('never asks a forgotten source', () => {
    const [forgotten, kept] = [new FakeSource('a', 9), new FakeSource('b', 2)];
    outbox.wake(forgotten);
    outbox.wake(kept);
    outbox.forget(forgotten);
    expect(transport.all()).toEqual(['a1', 'b1', 'b2']);
  });

  it('allows a source to be forgotten while it is asked', () => {
    const source = {
      take: (): ServerMessage | undefined => {
        outbox.forget(source);
        return transport.sent.length === 0 ? message('a', 1) : undefined;
      },
    };
    outbox.wake(source);
    expect(transport.all()).toEqual(['a1']);
  });
});

describe('latest messages', () => {
  let latest: LatestMessages;

  beforeEach(() => {
    latest = new LatestMessages(outbox);
  });

  it('all reach a client that keeps up', () => {
    for (let at = 1; at <= 3; at++) {
      latest.put('a', message('a', at));
      transport.next();
    }
    expect(transport.sent).toEqual(['a1', 'a2', 'a3']);
  });

  it('of a slow client are the last of each key', () => {
    transport.drained = false;
    for (let at = 1; at <= 1_000; at++) for (const key of ['a', 'b']) latest.put(key, message(key, at));
    expect(transport.all()).toEqual(['a1000', 'b1000']);
  });

  it('reach a slow client for every key, however fast the keys change', () => {
    transport.drained = false;
    const keys = ['a', 'b', 'c', 'd'];
    for (let round = 1; round <= keys.length; round++) {
      for (const key of keys) latest.put(key, message(key, round));
      transport.next();
    }
    expect(transport.sent).toEqual(['a1', 'b2', 'c3', 'd4']);
  });

  it('are not sent after they were dropped', () => {
    transport.drained = false;
    latest.put('a', message('a', 1));
    latest.put('b', message('b', 1));
    latest.drop('a');
    expect(transport.all()).toEqual(['b1']);
    latest.drop('unknown');
  });
});
