import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { SystemClock } from '../common/time/clock.js';
import { Turns } from './turns.js';

class Response extends EventEmitter {
  destroyed = false;
}

describe('Turns', () => {
  let turns: Turns;
  let begun: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    turns = new Turns(new SystemClock());
    begun = [];
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const request = (principal: string, name: string, response = new Response()): Response => {
    void turns.wait(principal, response as unknown as ServerResponse).then(() => begun.push(name));
    return response;
  };
  const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  it('begins the requests of one principal one by one while there is another', async () => {
    request('other', 'o1').emit('close');
    const first = request('a', 'a1');
    request('a', 'a2');
    await pass();
    expect(begun).toEqual(['o1', 'a1']);
    first.emit('close');
    await pass();
    expect(begun).toEqual(['o1', 'a1', 'a2']);
  });

  it('lets no principal wait for another', async () => {
    for (const name of ['a1', 'a2', 'a3']) request('a', name);
    request('b', 'b1');
    await pass();
    expect(begun).toContain('b1');
  });

  it('begins 16 at a time while there is no other', async () => {
    for (let at = 1; at <= 20; at += 1) request('a', `a${at}`);
    await pass();
    expect(begun).toHaveLength(16);
    await pass(2_500);
    expect(begun).toHaveLength(20);
  });

  it('does not wait for requests that take long', async () => {
    request('other', 'o1').emit('close');
    for (const name of ['a1', 'a2', 'a3']) request('a', name);
    await pass(19);
    expect(begun).toEqual(['o1', 'a1']);
    await pass(1);
    expect(begun).toEqual(['o1', 'a1', 'a2']);
    await pass(20);
    expect(begun).toEqual(['o1', 'a1', 'a2', 'a3']);
  });

  it('gives the turn of a client that has gone to the next one', async () => {
    request('other', 'o1').emit('close');
    const gone = new Response();
    const first = request('a', 'a1');
    request('a', 'a2', gone);
    request('a', 'a3');
    gone.destroyed = true;
    first.emit('close');
    await pass();
    expect(begun).toEqual(['o1', 'a1', 'a2', 'a3']);
  });

  it('takes another for absent after two seconds', async () => {
    request('other', 'o1').emit('close');
    await pass(2_001);
    for (const name of ['a1', 'a2', 'a3']) request('a', name);
    await pass();
    expect(begun).toEqual(['o1', 'a1', 'a2', 'a3']);
  });
});
