import { beforeEach, describe, expect, it } from '@jest/globals';
import { LatestMessages, Outbox, type Transport } from './outbox.js';
import { SocketCounters } from './socket-counters.js';
import type { ServerMessage } from './server-message.js';

const removed = (containerId: string): ServerMessage => ({
  event: 'status:removed',
  payload: { containerId, at: 'now' },
});

let counters: SocketCounters;
let isDrained: boolean;
let sent: ServerMessage[];
let flush: () => void;
let messages: LatestMessages;

beforeEach(() => {
  [isDrained, sent] = [true, []];
  counters = new SocketCounters();
  const transport: Transport = {
    isDrained: () => isDrained,
    onDrain: (listener) => (flush = listener),
    send: (message) => void sent.push(message),
  };
  messages = new LatestMessages(new Outbox(counters.instrument(transport)));
});

describe('the socket counters', () => {
  it('count messages by event when they are sent', () => {
    messages.put('a', removed('a'));
    isDrained = false;
    messages.put('b', removed('b'));
    expect([...counters.sent]).toEqual([['status:removed', 1]]);
    isDrained = true;
    flush();
    expect([...counters.sent]).toEqual([['status:removed', 2]]);
    expect(sent).toEqual([removed('a'), removed('b')]);
  });

  it('count messages that were replaced by newer ones', () => {
    isDrained = false;
    for (const id of ['a', 'a', 'b', 'a']) messages.put(id, removed(id));
    expect([...counters.superseded]).toEqual([['status:removed', 2]]);
  });

  it('add up the dropped log lines that are reported to clients', () => {
    messages.put('a', { event: 'logs:dropped', payload: { containerId: 'a', count: 7 } });
    messages.put('b', { event: 'logs:dropped', payload: { containerId: 'b', count: 5 } });
    expect(counters.droppedLines).toBe(12);
  });
});
