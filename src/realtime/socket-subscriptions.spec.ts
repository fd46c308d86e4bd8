import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeSocket } from '../../test/support/sockets/fake-socket.js';
import { PerSocket } from './per-socket.js';
import { SocketCounters } from './socket-counters.js';
import { SocketSubscriptions } from './socket-subscriptions.js';
import type { TypedSocket } from './typed-socket.js';

const MAX = 3;

let counters: SocketCounters;
let release: jest.Mock<(subscription: string, socket: TypedSocket) => void>;
let subscriptions: SocketSubscriptions<string>;
let alice: TypedSocket;
let bob: TypedSocket;

beforeEach(() => {
  counters = new SocketCounters();
  release = jest.fn();
  subscriptions = new SocketSubscriptions(counters, { kind: 'logs', max: MAX, label: 'log subscriptions', release });
  [alice, bob] = [new FakeSocket().typed, new FakeSocket().typed];
});

const add = (socket: TypedSocket, ...topics: string[]): void => {
  for (const topic of topics) subscriptions.add(socket, topic, () => `to ${topic}`);
};
const tooMany = expect.objectContaining({
  code: 'too_many_subscriptions',
  message: 'One connection has at most 3 log subscriptions.',
});

describe('the subscriptions of sockets', () => {
  it('are found by socket and topic', () => {
    add(alice, 'a', 'b');
    add(bob, 'b');
    expect(subscriptions.get(alice, 'a')).toBe('to a');
    expect([subscriptions.has(alice, 'b'), subscriptions.has(bob, 'a')]).toEqual([true, false]);
    expect([...subscriptions.values()]).toEqual(['to a', 'to b', 'to b']);
    expect([...subscriptions.sockets()]).toEqual([alice, bob]);
  });

  it('are counted for the metrics under their kind', () => {
    expect(counters.subscriptions()).toEqual([['logs', 0]]);
    add(alice, 'a', 'b');
    add(bob, 'b');
    expect(counters.subscriptions()).toEqual([['logs', 3]]);
    subscriptions.end(alice, 'a');
    expect(counters.subscriptions()).toEqual([['logs', 2]]);
  });

  it('are released once, and a socket without any is not kept', () => {
    add(alice, 'a');
    subscriptions.end(alice, 'a');
    subscriptions.end(alice, 'a');
    expect(release.mock.calls).toEqual([['to a', alice]]);
    expect([...subscriptions.sockets()]).toEqual([]);
  });

  it('end all together when the socket disconnects, and those of other sockets go on', () => {
    add(alice, 'a', 'b');
    add(bob, 'b');
    subscriptions.endAll(alice);
    expect(release.mock.calls).toEqual([
      ['to a', alice],
      ['to b', alice],
    ]);
    expect([...subscriptions.sockets()]).toEqual([bob]);
  });

  it('to one topic end for every socket', () => {
    add(alice, 'a', 'b');
    add(bob, 'b');
    subscriptions.endTopic('b');
    expect([...subscriptions.values()]).toEqual(['to a']);
    expect([...subscriptions.sockets()]).toEqual([alice]);
  });

  it('to the same topic replace one another, the earlier one ending first', () => {
    add(alice, 'a');
    const create = jest.fn(() => {
      expect(release).toHaveBeenCalledTimes(1);
      return 'again';
    });
    expect(subscriptions.add(alice, 'a', create)).toBe('again');
    expect([...subscriptions.values()]).toEqual(['again']);
  });

  it('are not created for a socket that is disconnected', () => {
    const create = jest.fn(() => 'too late');
    (alice as { connected: boolean }).connected = false;
    expect(subscriptions.add(alice, 'a', create)).toBeUndefined();
    expect(create).not.toHaveBeenCalled();
    expect([...subscriptions.sockets()]).toEqual([]);
  });

  it('leave nothing behind when creating one fails', () => {
    const fail = (): never => {
      throw new Error('no');
    };
    expect(() => subscriptions.add(alice, 'a', fail)).toThrow('no');
    expect([...subscriptions.sockets()]).toEqual([]);
  });
});

describe('the limit of subscriptions', () => {
  it('holds for each socket by itself, and not for a topic that is subscribed to already', () => {
    add(alice, 'a', 'b', 'c');
    const create = jest.fn(() => 'one too many');
    expect(() => subscriptions.add(alice, 'd', create)).toThrow(tooMany);
    expect(create).not.toHaveBeenCalled();
    add(alice, 'c');
    add(bob, 'd');
    expect(subscriptions.size).toBe(4);
  });

  it('has room again when a subscription ended', () => {
    add(alice, 'a', 'b', 'c');
    subscriptions.end(alice, 'b');
    add(alice, 'd');
    expect(subscriptions.has(alice, 'd')).toBe(true);
  });

  it('counts reserved room until it is given back', () => {
    add(alice, 'a', 'b');
    const giveBack = subscriptions.reserve(alice);
    expect(() => subscriptions.reserve(alice)).toThrow(tooMany);
    add(alice, 'c');
    giveBack();
    expect(() => subscriptions.reserve(alice)).toThrow(tooMany);
    subscriptions.end(alice, 'a');
    subscriptions.reserve(alice)();
    subscriptions.reserve(bob)();
  });

  it('lets a full socket reserve room for a topic that it has', () => {
    add(alice, 'a', 'b', 'c');
    subscriptions.reserve(alice, 'c')();
    expect(() => subscriptions.reserve(alice, 'd')).toThrow(tooMany);
  });
});

describe('PerSocket', () => {
  it('creates one value for each socket', () => {
    const create = jest.fn((socket: TypedSocket) => ({ socket }));
    const values = new PerSocket(create);
    expect(values.of(alice)).toBe(values.of(alice));
    expect(values.of(bob)).toEqual({ socket: bob });
    expect(create).toHaveBeenCalledTimes(2);
  });
});
