import { describe, expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { SilenceLimit } from './silence-limit.js';

const LIMIT_MS = 40;

function limited(): { stream: PassThrough; limit: SilenceLimit; error: () => string | undefined } {
  const stream = new PassThrough();
  let message: string | undefined;
  stream.on('error', (error) => (message = error.message));
  return { stream, limit: new SilenceLimit(stream, LIMIT_MS), error: () => message };
}

describe('SilenceLimit', () => {
  it('destroys a stream on which nothing arrives', async () => {
    const { stream, error } = limited();
    await sleep(4 * LIMIT_MS);
    expect(stream.destroyed).toBe(true);
    expect(error()).toContain('sent nothing for 40 ms');
  });

  it('does not count the time that the reader takes', async () => {
    const { stream, limit } = limited();
    limit.pause();
    await sleep(4 * LIMIT_MS);
    expect(stream.destroyed).toBe(false);
    limit.resume();
    await sleep(4 * LIMIT_MS);
    expect(stream.destroyed).toBe(true);
  });

  it('does nothing after it has ended', async () => {
    const { stream, limit } = limited();
    limit.end();
    await sleep(4 * LIMIT_MS);
    expect(stream.destroyed).toBe(false);
  });
});
