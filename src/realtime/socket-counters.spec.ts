import { beforeEach, describe, expect, it } from '@jest/globals';
import { LatestMessages, Outbox, type Transport } from './outbox.js';
import { SocketCounters } from './socket-counters.js';
import type { ServerMessage } from './server-message.js';

const removed = (containerId: string): ServerMessage => ({
  event: 'status:removed',
  payload: { containerId, at: 'now' },
});

let tally: SocketCounters;
let isClear: boolean;
let sent: ServerMessage[];
let flush: () => void;
let messages: LatestMessages;

beforeEach(() => {
  [isClear, sent] = [true, []];
  tally = new SocketCounters();
  const transport: Transport = {
    isDrained: () => isClear,
    onDrain: (listener) => (flush = listener),
    send: (message) => void sent.push(message),
  };
  messages = new LatestMessages(new Outbox(tally.instrument(transport)));
});

describe('the tally of the sockets', () => {
  it('counts what is sent, by event, when it is sent', () => {
    messages.put('a', removed('a'));
    isClear = false;
    messages.put('b', removed('b'));
    expect([...tally.sent]).toEqual([['status:removed', 1]]);
    isClear = true;
    flush();
    expect([...tally.sent]).toEqual([['status:removed', 2]]);
    expect(sent).toEqual([removed('a'), removed('b')]);
  });

  it('counts what a newer message took the place of', () => {
    isClear = false;
    for (const id of ['a', 'a', 'b', 'a']) messages.put(id, removed(id));
    expect([...tally.superseded]).toEqual([['status:removed', 2]]);
  });

  it('counts the lines that clients missed, by what they are told of it', () => {
    messages.put('a', { event: 'logs:dropped', payload: { containerId: 'a', count: 7 } });
    messages.put('b', { event: 'logs:dropped', payload: { containerId: 'b', count: 5 } });
    expect(tally.droppedLines).toBe(12);
  });
});
