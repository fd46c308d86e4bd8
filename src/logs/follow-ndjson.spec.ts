import { describe, expect, it, jest } from '@jest/globals';
import type { Response } from 'express';
import { Writable } from 'node:stream';
import { eventually, line, pause } from '../../test/support/logs/fake-log-engine.js';
import type { LogRecord } from '../drivers/workspace-logs.js';
import { DriverError } from '../drivers/driver-error.js';
import { followAsNdjson } from './follow-ndjson.js';
import { LogSubscription } from './log-subscription.js';

/** When slow, completes a write only when `take` is called. */
class SlowResponse extends Writable {
  text = '';
  /** Largest number of buffered bytes so far. */
  maxBuffered = 0;
  private taken: (() => void) | undefined;

  constructor(private readonly isSlow = false) {
    super({ highWaterMark: 1_000 });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    this.maxBuffered = Math.max(this.maxBuffered, this.writableLength);
    if (this.isSlow) this.taken = done;
    else done();
  }

  flushHeaders(): void {}

  take(): void {
    this.taken?.();
  }

  get documents(): unknown[] {
    return this.text
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((text) => JSON.parse(text));
  }
}

function follow(response: SlowResponse, initial: LogRecord[] = []) {
  const wake = { up: (): void => undefined };
  const subscription = new LogSubscription(
    'all',
    () => wake.up(),
    () => performance.now(),
  );
  const leave = jest.fn();
  const done = followAsNdjson(
    { initial, subscription, leave },
    wake,
    response as unknown as Response,
    ({ message }) => ({ message }),
  );
  return { subscription, leave, done };
}

describe('a log that is followed as NDJSON', () => {
  it('contains the initial lines and those that follow, until it ends', async () => {
    const response = new SlowResponse();
    const { subscription, leave, done } = follow(response, [line(1, 'a\nb')]);
    await pause(5);
    subscription.accept([line(2, 'c')]);
    await eventually(() => response.documents.length === 2);
    subscription.accept([line(3, 'd')]);
    subscription.ended('stopped');
    await done;
    expect(response.documents).toEqual([{ message: 'a\nb' }, { message: 'c' }, { message: 'd' }]);
    expect(response.writableEnded).toBe(true);
    expect(leave).toHaveBeenCalledTimes(1);
  });

  it('ends when the container is not found at the engine any more', async () => {
    const response = new SlowResponse();
    const { subscription, leave, done } = follow(response);
    subscription.failed(new DriverError('not_found', 'gone'));
    await done;
    expect(response.writableEnded).toBe(true);
    expect(leave).toHaveBeenCalledTimes(1);
  });

  it('is written as fast as the client reads', async () => {
    const response = new SlowResponse(true);
    const { subscription, done } = follow(response);
    for (let batch = 0; batch < 20; batch++) subscription.accept([line(batch, 'x'.repeat(300_000))]);
    await eventually(() => response.text !== '');
    await pause(20);
    expect(response.documents).toHaveLength(1);
    subscription.ended('stopped');
    const taking = setInterval(() => response.take(), 1);
    await done;
    clearInterval(taking);
    expect(response.maxBuffered).toBeLessThan(700_000);
    expect(response.documents).toHaveLength(20);
  });

  it('reports dropped lines in their place', async () => {
    const response = new SlowResponse(true);
    const { subscription, done } = follow(response);
    subscription.accept([line(1, 'first')]);
    for (let at = 2; at <= 12; at++) subscription.accept([line(at, 'x'.repeat(500_000))]);
    await pause(1_050);
    subscription.accept([line(13, 'lost'), line(14, 'lost')]);
    subscription.ended('stopped');
    const taking = setInterval(() => response.take(), 1);
    await done;
    clearInterval(taking);
    expect(response.documents.at(-1)).toEqual({ dropped: 2 });
    expect(response.documents).toHaveLength(13);
  });

  it('is left when the client disconnects while it waits for lines', async () => {
    const response = new SlowResponse();
    const { leave, done } = follow(response);
    await pause(5);
    response.destroy();
    await done;
    expect(leave).toHaveBeenCalledTimes(1);
  });

  it('is left when the client disconnects during a write', async () => {
    const response = new SlowResponse(true);
    const { subscription, leave, done } = follow(response);
    subscription.accept([line(1, 'x'.repeat(300_000)), line(2, 'y')]);
    await eventually(() => response.text !== '');
    response.destroy();
    await done;
    expect(leave).toHaveBeenCalledTimes(1);
  });

  it('is left when the client has disconnected before the start', async () => {
    const response = new SlowResponse();
    response.destroy();
    await pause(5);
    const { leave, done } = follow(response, [line(1, 'unseen')]);
    await done;
    expect(leave).toHaveBeenCalledTimes(1);
    expect(response.text).toBe('');
  });
});
