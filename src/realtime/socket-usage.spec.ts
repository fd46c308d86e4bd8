import { describe, expect, it } from '@jest/globals';
import { FakeSocket } from '../../test/support/sockets/fake-socket.js';
import { readSettings } from '../config/environment.js';
import { SocketCounters } from './socket-counters.js';
import { SocketSubscriptions } from './socket-subscriptions.js';
import { SocketUsages } from './socket-usage.js';

const SETTINGS = readSettings({ MAX_SOCKETS: '2', MAX_SUBSCRIPTIONS: '3' });

describe('the sockets of a principal', () => {
  it('are limited, also after some were closed', () => {
    const usages = new SocketUsages(SETTINGS);
    for (let at = 0; at < 2; at += 1) usages.open('a').requireSubscription();
    expect(() => usages.of('a').requireSocket()).toThrow('At most 2 connections may be open at a time.');
    expect(() => usages.of('b').requireSocket()).not.toThrow();
    usages.close('a');
    expect(() => usages.of('a').requireSocket()).not.toThrow();
    usages.close('a');
    expect(usages.of('a').sockets).toBe(0);
  });

  it('share a number of subscriptions of every kind', () => {
    const usages = new SocketUsages(SETTINGS);
    const counters = new SocketCounters();
    const [first, second] = [new FakeSocket(), new FakeSocket()];
    for (const socket of [first, second]) socket.data.usage = usages.open('a');
    const logs = new SocketSubscriptions<number>(counters, { kind: 'logs', max: 10, label: 'log subscriptions' });
    const metrics = new SocketSubscriptions<number>(counters, { kind: 'metrics', max: 10, label: 'subscriptions' });
    logs.add(first.typed, 'x', () => 1);
    logs.add(first.typed, 'y', () => 1);
    metrics.add(second.typed, 'x', () => 1);
    expect(() => metrics.add(first.typed, 'x', () => 1)).toThrow('at most 3 subscriptions');
    // To the same topic again.
    metrics.add(second.typed, 'x', () => 2);
    logs.endAll(first.typed);
    metrics.add(first.typed, 'x', () => 1);
    expect(usages.of('a').subscriptions).toBe(2);
  });
});
