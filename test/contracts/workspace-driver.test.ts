import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { EnsureStage } from '../../src/drivers/workspace-driver.js';
import type { ObservedWorkspace, WorkspaceRef, WorkspaceSpec } from '../../src/drivers/workspace.js';
import { until } from './docker-engine-harness.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { DRIVERS, idleSpec, runs } from './workspace-driver-harness.js';

const { signal } = new AbortController();

describe.each(DRIVERS)('workspaces of the %s driver', (_, make) => {
  const harness = make();
  const { driver } = harness;
  const ids: string[] = [];

  beforeAll(() => harness.setUp(), IMAGE_BUILD_MS);
  afterAll(() => harness.cleanUp(ids));

  function spec(overrides: Partial<WorkspaceSpec> = {}): WorkspaceSpec {
    const made = idleSpec(harness, overrides);
    ids.push(made.id);
    return made;
  }

  const ensure = (wanted: WorkspaceSpec): Promise<WorkspaceRef> => driver.ensure(wanted, () => undefined, signal);

  async function started(overrides: Partial<WorkspaceSpec> = {}): Promise<WorkspaceRef> {
    const ref = await ensure(spec(overrides));
    await driver.start(ref);
    return ref;
  }

  async function observed({ id }: WorkspaceRef): Promise<ObservedWorkspace> {
    const workspace = await driver.observe(id);
    if (workspace === null) throw new Error(`${id} is not there`);
    return workspace;
  }

  const absent = (): WorkspaceRef => ({ id: randomUUID(), runtimeId: `devforge-${randomUUID()}` });

  it('creates a workspace once and finds it by its id afterwards', async () => {
    const wanted = spec();
    const ref = await ensure(wanted);
    await expect(ensure(wanted)).resolves.toEqual(ref);
    await expect(driver.observe(wanted.id)).resolves.toEqual({
      ...ref,
      image: wanted.image,
      state: 'created',
      exitCode: 0,
      oomKilled: false,
      startedAt: null,
      finishedAt: null,
    });
    await expect(driver.address(ref)).resolves.toBeNull();
  });

  it('creates one workspace for concurrent callers', async () => {
    const wanted = spec();
    const refs = await Promise.all(Array.from({ length: 5 }, () => ensure(wanted)));
    expect(new Set(refs.map(({ runtimeId }) => runtimeId)).size).toBe(1);
  });

  it('reports the stages of a creation in order, waits for each, and stops with the error of one', async () => {
    const wanted = spec();
    const stages: EnsureStage[] = [];
    let isBusy = false;
    await driver.ensure(
      wanted,
      async (stage) => {
        expect(isBusy).toBe(false);
        isBusy = true;
        await new Promise((resolve) => setTimeout(resolve, 20));
        isBusy = false;
        stages.push(stage);
      },
      signal,
    );
    expect(stages).toEqual(['network', 'container']);
    const refused = spec();
    const failure = driver.ensure(
      refused,
      (stage) => (stage === 'container' ? Promise.reject(new Error('lease lost')) : undefined),
      signal,
    );
    await expect(failure).rejects.toThrow('lease lost');
    await expect(driver.observe(refused.id)).resolves.toBeNull();
  });

  it('does not take over an object that DevForge did not create', async () => {
    const wanted = spec();
    await harness.createForeign(wanted.id);
    await expect(ensure(wanted)).rejects.toMatchObject({ name: 'DriverError', code: 'foreign' });
    await expect(driver.observe(wanted.id)).resolves.toBeNull();
    await driver.remove(wanted.id, { keepData: false });
    await expect(harness.hasForeign(wanted.id)).resolves.toBe(true);
  });

  it('creates nothing from an image that is missing', async () => {
    const wanted = spec({ image: `devforge-contract/absent:${randomUUID()}` });
    await expect(ensure(wanted)).rejects.toMatchObject({ code: 'not_found' });
    await expect(driver.observe(wanted.id)).resolves.toBeNull();
  });

  it('starts a workspace; already running is success', async () => {
    const ref = await ensure(spec());
    const before = Date.now() - 1_000;
    await driver.start(ref);
    const first = await observed(ref);
    expect(first.state).toBe('running');
    expect(first.startedAt?.getTime()).toBeGreaterThan(before);
    await driver.start(ref);
    expect((await observed(ref)).startedAt).toEqual(first.startedAt);
    await expect(driver.address(ref)).resolves.toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });

  it('stops a workspace, which can be started again; already stopped is success', async () => {
    const wanted = spec();
    const ref = await ensure(wanted);
    await driver.start(ref);
    await driver.stop(ref.id, 1);
    const stopped = await observed(ref);
    expect(stopped).toMatchObject({ state: 'exited', oomKilled: false });
    expect(stopped.finishedAt).toBeInstanceOf(Date);
    await expect(driver.address(ref)).resolves.toBeNull();
    await driver.stop(ref.id, 1);
    const again = await driver.startAgain(ref, wanted, signal);
    expect(await observed(again)).toMatchObject({ ...again, state: 'running' });
    await expect(driver.startAgain(again, wanted, signal)).resolves.toEqual(again);
  });

  it('pauses and unpauses; repeating either is success', async () => {
    const ref = await started();
    await driver.pause(ref);
    await driver.pause(ref);
    expect((await observed(ref)).state).toBe('paused');
    await driver.unpause(ref);
    await driver.unpause(ref);
    expect((await observed(ref)).state).toBe('running');
  });

  it('shows the exit code of a workspace that exited by itself', async () => {
    const ref = await started(runs('exit 3'));
    await until(async () => (await observed(ref)).state === 'exited');
    await expect(observed(ref)).resolves.toMatchObject({ exitCode: 3, oomKilled: false });
  });

  it('removes a running workspace, which can be created again; already gone is success', async () => {
    const wanted = spec();
    const ref = await ensure(wanted);
    await driver.start(ref);
    await driver.remove(ref.id, { keepData: false });
    await expect(driver.observe(ref.id)).resolves.toBeNull();
    await driver.remove(ref.id, { keepData: false });
    const again = await ensure(wanted);
    expect(again.id).toBe(ref.id);
    expect(again.runtimeId).not.toBe(ref.runtimeId);
    await expect(driver.start(ref)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('removes a workspace once for concurrent callers', async () => {
    const { id } = await started();
    await Promise.all(Array.from({ length: 4 }, () => driver.remove(id, { keepData: false })));
    await expect(driver.observe(id)).resolves.toBeNull();
  });

  it('removes a workspace that is paused', async () => {
    const ref = await started();
    await driver.pause(ref);
    await driver.remove(ref.id, { keepData: false });
    await expect(driver.observe(ref.id)).resolves.toBeNull();
  });

  it('rejects with not_found for a workspace that is absent, and observes null', async () => {
    await expect(driver.observe(randomUUID())).resolves.toBeNull();
    const calls = await Promise.allSettled([
      driver.start(absent()),
      driver.startAgain(absent(), spec(), signal),
      driver.stop(randomUUID(), 1),
      driver.pause(absent()),
      driver.unpause(absent()),
      driver.diskBytes(absent()),
      driver.resize(absent(), { cpus: 1, memoryMiB: 128 }),
    ]);
    expect(calls).toEqual(
      calls.map(() => ({
        status: 'rejected',
        reason: expect.objectContaining({ name: 'DriverError', code: 'not_found' }),
      })),
    );
  });

  it('lists every workspace, running or not', async () => {
    const stopped = await ensure(spec());
    const running = await started();
    const found = await driver.list();
    expect(found).toContainEqual({ ...stopped, image: harness.image, state: 'created' });
    expect(found).toContainEqual({ ...running, image: harness.image, state: 'running' });
  });

  it('measures the disk space that a running workspace takes', async () => {
    const bytes = await driver.diskBytes(await started());
    expect(Number.isInteger(bytes)).toBe(true);
    expect(bytes).toBeGreaterThanOrEqual(0);
  });

  it('creates a workspace anew from its spec, and keeps its files', async () => {
    const wanted = spec({ env: { OF: 'before' } });
    const old = await ensure(wanted);
    await driver.start(old);
    const stages: EnsureStage[] = [];
    const changed = { ...wanted, env: { OF: 'after' } };
    const ref = await driver.replace(changed, (stage) => void stages.push(stage), signal);
    expect(ref.id).toBe(old.id);
    expect(ref.runtimeId).not.toBe(old.runtimeId);
    expect(stages).toEqual(['network', 'container']);
    await expect(driver.list()).resolves.not.toContainEqual(expect.objectContaining({ runtimeId: old.runtimeId }));
    await expect(driver.listData()).resolves.toContain(ref.id);
    await driver.start(ref);
    expect(await observed(ref)).toMatchObject({ ...ref, state: 'running' });
    const absentOne = spec();
    await expect(driver.replace(absentOne, () => undefined, signal)).resolves.toMatchObject({ id: absentOne.id });
  });

  it('gives a workspace the files that were kept of another one, and removes them with it', async () => {
    const [first, second] = [spec(), spec()];
    await ensure(first);
    const attached = { ...second, dataId: first.id };
    await driver.remove(first.id, { keepData: true });
    await expect(driver.listData()).resolves.toContain(first.id);
    await ensure(attached);
    await expect(driver.listData()).resolves.not.toContain(second.id);
    await driver.remove(second.id, { keepData: true, dataId: first.id });
    await expect(driver.listData()).resolves.toContain(first.id);
    await ensure(attached);
    await driver.remove(second.id, { keepData: false, dataId: first.id });
    await expect(driver.listData()).resolves.not.toContain(first.id);
    await expect(ensure(attached)).rejects.toMatchObject({ code: 'volume_missing' });
  });

  it('changes the limits of a workspace, running or not', async () => {
    const ref = await ensure(spec());
    await driver.resize(ref, { cpus: 1, memoryMiB: 256 });
    await driver.start(ref);
    await driver.resize(ref, { cpus: 0.5, memoryMiB: 192 });
    await driver.resize(ref, { cpus: 4_096, memoryMiB: 192 });
  });

  it('sweeps orphans alone, and keeps their data where asked to', async () => {
    const [orphan, kept, alive] = [await started(), await started(), await started()];
    let found: string[] = [];
    const removed = await driver.sweep(async (all) => {
      found = all;
      return [
        { id: orphan.id, keepData: false },
        { id: kept.id, keepData: true },
      ];
    });
    expect(found).toEqual(expect.arrayContaining([orphan.id, kept.id, alive.id]));
    expect(removed).toEqual([orphan.id, kept.id]);
    await expect(driver.observe(orphan.id)).resolves.toBeNull();
    await expect(driver.observe(kept.id)).resolves.toBeNull();
    expect((await observed(alive)).state).toBe('running');
    const again = await driver.sweep(async (all) => {
      found = all;
      return [{ id: kept.id, keepData: true }];
    });
    expect(again).toEqual([]);
    expect(found).toContain(kept.id);
    expect(found).not.toContain(orphan.id);
  });
});
