import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DriverError } from '../../driver-error.js';
import { type EngineCall, engineCalls } from '../../engine-calls.js';
import { engineCall, observed } from './engine-call.js';

const ID = '0123456789abcdef';

let published: EngineCall[];
let end: () => void;

beforeEach(() => {
  published = [];
  end = engineCalls.subscribe((call) => published.push(call));
});
afterEach(() => end());

const rejected = (error: object) => async (): Promise<never> => {
  throw Object.assign(new Error('no'), error);
};

describe('an engine call', () => {
  it('publishes its operation without the name of the object, its outcome and its duration', async () => {
    await engineCall(`inspect container ${ID}`, 1_000, () => new Promise((resolve) => setTimeout(resolve, 20)));
    await engineCall('ping', 1_000, async () => undefined);
    await engineCall(`exec git in ${ID}`, 1_000, async () => undefined);
    expect(published).toMatchObject([
      { operation: 'inspect container', outcome: 'ok' },
      { operation: 'ping', outcome: 'ok' },
      { operation: 'exec', outcome: 'ok' },
    ]);
    expect(published[0]!.seconds).toBeGreaterThan(0.015);
    expect(published[0]!.seconds).toBeLessThan(1);
  });

  it.each([
    ['not_found', { statusCode: 404 }],
    ['conflict', { statusCode: 409 }],
    ['failed', { statusCode: 500 }],
    ['unavailable', { code: 'ECONNREFUSED' }],
    ['out_of_disk', { statusCode: 500, json: { message: 'no space left on device' } }],
  ])('that fails publishes %s', async (code, error) => {
    await expect(engineCall(`start container ${ID}`, 1_000, rejected(error))).rejects.toMatchObject({ code });
    expect(published).toMatchObject([{ operation: 'start container', outcome: code }]);
  });

  it.each([
    ['not_found', 'no volume with name x found in database: no such volume'],
    ['not_found', 'unable to find network with name or ID x: network not found'],
    ['not_found', 'no container with name or ID "x" found: no such container'],
    ['conflict', 'can only create exec sessions on running containers: container state improper'],
    ['conflict', 'creating container storage: the container name "x" is already in use by 0123456789ab'],
    ['failed', 'runc: exec failed: container with id exists: no such file or directory'],
  ])('that Podman answers with status 500 is %s by its message', async (code, message) => {
    const failing = rejected({ statusCode: 500, json: { message } });
    await expect(engineCall(`start container ${ID}`, 1_000, failing)).rejects.toMatchObject({ code });
  });

  it('that times out or is aborted publishes that', async () => {
    const never = () => new Promise<never>(() => undefined);
    await expect(engineCall('list volumes', 10, never)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(engineCall('list volumes', 1_000, never, AbortSignal.timeout(10))).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(published.map(({ outcome }) => outcome)).toEqual(['unavailable', 'aborted']);
  });

  it('that has its own time limit is published as well, once', async () => {
    await expect(
      observed('build image devforge/x:1', rejected(new DriverError('build_failed', 'x'))),
    ).rejects.toMatchObject({ code: 'build_failed' });
    expect(published).toMatchObject([{ operation: 'build image' }]);
  });

  it('publishes nothing after the subscription has ended', async () => {
    end();
    await engineCall('ping', 1_000, async () => undefined);
    expect(published).toEqual([]);
  });
});
