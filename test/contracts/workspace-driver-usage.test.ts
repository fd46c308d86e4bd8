import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { DRIVERS, runs, workspacesOf } from './workspace-driver-harness.js';

/** No source refreshes its counters less often. */
const REFRESHED_MS = 1_500;

describe.each(DRIVERS)('usage of workspaces of the %s driver', (_, make) => {
  const harness = make();
  const { driver } = harness;
  const { created, started, removeAll } = workspacesOf(harness, runs('while :; do :; done'));

  beforeAll(() => harness.setUp(), IMAGE_BUILD_MS);
  afterAll(removeAll);

  it('is read as counters and a clock that never go back', async () => {
    const source = await driver.usage(await started());
    const from = Date.now();
    const first = await source.read();
    await delay(REFRESHED_MS);
    const second = await source.read();
    source.close();
    for (const record of [first, second]) {
      expect(record.at).toBeGreaterThan(from - REFRESHED_MS);
      expect(record.at).toBeLessThan(Date.now() + 1_000);
      expect(record.pids).toBeGreaterThanOrEqual(1);
      expect(Object.values(record).every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    }
    const span = second.monotonicMs - first.monotonicMs;
    expect(span).toBeGreaterThan(500);
    expect(Math.abs(second.at - first.at - span)).toBeLessThan(250);
    for (const counter of ['cpuSeconds', 'rxBytes', 'txBytes'] as const)
      expect(second[counter]).toBeGreaterThanOrEqual(first[counter]);
  }, 20_000);

  it('is read of a workspace that is paused', async () => {
    const ref = await started();
    await driver.pause(ref);
    const source = await driver.usage(ref);
    await expect(source.read()).resolves.toMatchObject({ pids: expect.any(Number) });
    source.close();
    await driver.unpause(ref);
  }, 20_000);

  it('cannot be read any more when the workspace stops', async () => {
    const ref = await started();
    const source = await driver.usage(ref);
    await source.read();
    await driver.stop(ref.id, 0);
    await delay(REFRESHED_MS);
    await expect(source.read()).rejects.toMatchObject({ name: 'DriverError', code: 'conflict' });
    source.close();
  }, 20_000);

  it('has no source while the workspace does not run, or is absent', async () => {
    const ref = await created();
    await expect(driver.usage(ref)).rejects.toMatchObject({ name: 'DriverError', code: 'conflict' });
    await driver.start(ref);
    await driver.stop(ref.id, 0);
    await expect(driver.usage(ref)).rejects.toMatchObject({ code: 'conflict' });
    const nobody = { id: randomUUID(), runtimeId: `devforge-${randomUUID()}` };
    await expect(driver.usage(nobody)).rejects.toMatchObject({ name: 'DriverError' });
  }, 20_000);
});
