import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { WorkspaceDriver } from '../../src/drivers/workspace-driver.js';
import { until } from './docker-engine-harness.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { DRIVERS, following, idleSpec, runs } from './workspace-driver-harness.js';

const { signal } = new AbortController();

describe.each(DRIVERS)('events of the %s driver', (_, make) => {
  const harness = make();
  const { driver } = harness;
  const ids: string[] = [];

  beforeAll(() => harness.setUp(), IMAGE_BUILD_MS);
  afterAll(() => harness.cleanUp(ids));

  it('report what happens to a workspace, with its ids', async () => {
    const spec = idleSpec(harness, runs('exit 5'));
    ids.push(spec.id);
    const { events, stop } = await following(driver);
    const types = (): string[] => events.filter(({ id }) => id === spec.id).map(({ type }) => type);
    const before = Date.now() - 1_000;
    const ref = await driver.ensure(spec, () => undefined, signal);
    await driver.start(ref);
    await until(() => types().includes('exited'));
    await driver.remove(ref.id, { keepData: false });
    await until(() => types().includes('removed'));
    await stop();
    expect(types()).toEqual(['created', 'started', 'exited', 'removed']);
    const ours = events.filter(({ id }) => id === spec.id);
    expect(ours.every(({ runtimeId, at }) => runtimeId === ref.runtimeId && at.getTime() > before)).toBe(true);
  });

  it('report pauses and stops', async () => {
    const spec = idleSpec(harness);
    ids.push(spec.id);
    const ref = await driver.ensure(spec, () => undefined, signal);
    await driver.start(ref);
    const { events, stop } = await following(driver);
    const types = (): string[] => events.filter(({ id }) => id === spec.id).map(({ type }) => type);
    await driver.pause(ref);
    await driver.unpause(ref);
    await driver.stop(ref.id, 0);
    await until(() => types().includes('stopped') && types().includes('exited'));
    await stop();
    // Docker reports a pause itself and, at times once more, when its container runtime has. Podman reports the stop first.
    expect(types().join(' ')).toMatch(/^(paused unpaused )+(exited stopped|stopped exited)$/);
  });

  it('leave out objects that DevForge did not create', async () => {
    const foreign = randomUUID();
    const marker = idleSpec(harness);
    ids.push(marker.id);
    const { events, stop } = await following(driver);
    await harness.createForeign(foreign);
    await driver.ensure(marker, () => undefined, signal);
    await until(() => events.some(({ id }) => id === marker.id));
    await stop();
    expect(events.some(({ id }) => id === foreign)).toBe(false);
  });

  it('end without an error when the signal aborts', async () => {
    const { events, stop } = await following(driver);
    await expect(stop()).resolves.toBeUndefined();
    const seen = events.length;
    const spec = idleSpec(harness);
    ids.push(spec.id);
    await driver.ensure(spec, () => undefined, signal);
    expect(events).toHaveLength(seen);
  });
});

describe.each(DRIVERS)('the %s driver while its engine is away', (_, make) => {
  const harness = make();
  const { away, driver } = harness;
  const ref = { id: 'x', runtimeId: 'x' };
  const logs = { follow: false, stdout: true, stderr: true, signal };

  it('is told apart from one whose engine answers', async () => {
    await expect(driver.ping()).resolves.toBeUndefined();
    await expect(driver.info()).resolves.toEqual({
      name: expect.stringMatching(/^(?:Docker|Podman)$/),
      version: expect.stringMatching(/^\d+\.\d+/),
      cpus: expect.any(Number),
      memoryMiB: expect.any(Number),
      shortcomings: expect.any(Array),
    });
  });

  const calls: [string, (driver: WorkspaceDriver) => Promise<unknown>][] = [
    ['ping', (each) => each.ping()],
    ['info', (each) => each.info()],
    [
      'watch',
      (each) =>
        each.watch(
          () => undefined,
          signal,
          () => undefined,
        ),
    ],
    ['prepare', (each) => each.prepare({ template: 'claude' }, () => undefined, signal)],
    ['ensure', (each) => each.ensure(idleSpec(harness), () => undefined, signal)],
    ['start', (each) => each.start(ref)],
    ['startAgain', (each) => each.startAgain(ref, idleSpec(harness), signal)],
    ['stop', (each) => each.stop('x', 1)],
    ['pause', (each) => each.pause(ref)],
    ['unpause', (each) => each.unpause(ref)],
    ['remove', (each) => each.remove('x', { keepData: true })],
    ['sweep', (each) => each.sweep(async () => [])],
    ['observe', (each) => each.observe('x')],
    ['list', (each) => each.list()],
    ['exec', (each) => each.exec(ref, { argv: ['true'], timeoutMs: 1_000 })],
    ['open', (each) => each.open(ref, { argv: ['true'] })],
    ['logs', (each) => each.logs(ref, logs)[Symbol.asyncIterator]().next()],
    ['usage', (each) => each.usage(ref)],
    ['diskBytes', (each) => each.diskBytes(ref)],
    ['address', (each) => each.address(ref)],
  ];

  it.each(calls)('rejects with unavailable, never as if something was absent: %s', async (_name, call) => {
    await expect(call(away)).rejects.toMatchObject({ name: 'DriverError', code: 'unavailable' });
  });
});
