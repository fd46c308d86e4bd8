import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { DRIVERS, workspacesOf } from './workspace-driver-harness.js';

const { signal } = new AbortController();

describe.each(DRIVERS)('workspaces of the %s driver that were created ahead', (_, make) => {
  const harness = make();
  const { driver } = harness;
  const { spec, started, removeAll } = workspacesOf(harness);

  beforeAll(() => harness.setUp(), IMAGE_BUILD_MS);
  afterAll(removeAll);

  it('have the fingerprint of every spec that they can be claimed for, and of no other', async () => {
    const ahead = spec();
    const same = spec({
      hostname: 'another',
      env: { MORE: '1' },
      limits: { ...ahead.limits, cpus: 1, memoryMiB: 256, diskMiB: 2_048 },
    });
    const fingerprint = await driver.fingerprint(ahead);
    await expect(driver.fingerprint(same)).resolves.toBe(fingerprint);
    const others = [
      spec({ image: 'another' }),
      spec({ dataId: ahead.id }),
      spec({ readGitKey: async () => Buffer.from('key') }),
      spec({ limits: { ...ahead.limits, pids: 65 } }),
      ...(driver.capabilities.fence ? [spec({ egress: { mode: 'none' as const, allow: [] } })] : []),
    ];
    for (const other of others) await expect(driver.fingerprint(other)).resolves.not.toBe(fingerprint);
  });

  it('are claimed with other limits, as often as it is asked for', async () => {
    const ahead = spec();
    const ref = await started(ahead);
    const wanted = { ...ahead, limits: { ...ahead.limits, cpus: 1, memoryMiB: 192 } };
    await expect(driver.claim(ref, wanted, signal)).resolves.toBe(true);
    await expect(driver.claim(ref, wanted, signal)).resolves.toBe(true);
    await expect(driver.observe(ahead.id)).resolves.toMatchObject({ ...ref, state: 'running' });
  });

  it('cannot be claimed when they do not run, are gone or were created anew', async () => {
    const ahead = spec();
    const ref = await started(ahead);
    await driver.stop(ahead.id, 0);
    await expect(driver.claim(ref, ahead, signal)).resolves.toBe(false);
    const { runtimeId } = await driver.replace(ahead, () => undefined, signal);
    await driver.start({ id: ahead.id, runtimeId });
    await expect(driver.claim(ref, ahead, signal)).resolves.toBe(false);
    await driver.remove(ahead.id, { keepData: false });
    await expect(driver.claim({ id: ahead.id, runtimeId }, ahead, signal)).resolves.toBe(false);
  });

  it('are created anew at their next start, since only that gives them their environment', async () => {
    const ahead = spec();
    const ref = { ...(await started(ahead)), addedEnv: { MORE: '1' } };
    const wanted = { ...ahead, env: { ...ahead.env, MORE: '1' } };
    await expect(driver.startAgain(ref, wanted, signal)).resolves.toEqual(ref);
    await driver.stop(ahead.id, 0);
    const again = await driver.startAgain(ref, wanted, signal);
    expect(again).toEqual({ id: ahead.id, runtimeId: expect.any(String) });
    expect(again.runtimeId).not.toBe(ref.runtimeId);
    await expect(driver.observe(ahead.id)).resolves.toMatchObject({ ...again, state: 'running' });
  });
});

describe.each(DRIVERS.filter(([name]) => name !== 'fake'))(
  'commands in a claimed workspace of the %s driver',
  (_, make) => {
    const harness = make();
    const { driver } = harness;
    const { spec, started, removeAll } = workspacesOf(harness);

    beforeAll(() => harness.setUp(), IMAGE_BUILD_MS);
    afterAll(removeAll);

    it('get the environment that was added, under their own', async () => {
      const ref = await started(spec({ env: { KEPT: 'a', CHANGED: 'b' } }));
      const claimed = { ...ref, addedEnv: { CHANGED: 'c', MORE: 'd', OWN: 'e' } };
      const argv = ['sh', '-c', 'echo $KEPT $CHANGED $MORE $OWN'];
      const env = { OWN: 'f' };
      await expect(driver.exec(claimed, { argv, env, timeoutMs: 20_000 })).resolves.toMatchObject({
        stdout: 'a c d f\n',
      });
      const process = await driver.open(claimed, { argv, env });
      const output = (await process.stdout.toArray()) as Buffer[];
      expect(Buffer.concat(output).toString()).toBe('a c d f\n');
      await expect(process.exit).resolves.toBe(0);
    });
  },
);
