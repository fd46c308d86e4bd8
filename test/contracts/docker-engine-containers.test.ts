import { afterAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ContainerSpec, InspectedContainer } from '../../src/drivers/docker/engine/engine-client.js';
import { LABEL_ID } from '../../src/drivers/docker/labels.js';
import { exits, idleSpec, ENGINES, until } from './docker-engine-harness.js';

describe.each(ENGINES)('containers of the %s engine client', (_, make) => {
  const harness = make();
  const { containers } = harness.runtime;
  const ids: string[] = [];

  afterAll(() => harness.cleanUp(ids, []));

  function spec(overrides: Partial<ContainerSpec> = {}): ContainerSpec & { id: string } {
    const made = idleSpec(harness, overrides);
    ids.push(made.id);
    return made;
  }

  async function started(overrides: Partial<ContainerSpec> = {}): Promise<string> {
    const { dockerId } = await containers.create(spec(overrides));
    await containers.start(dockerId);
    return dockerId;
  }

  async function inspected(dockerId: string): Promise<InspectedContainer> {
    const container = await containers.inspect(dockerId);
    if (container === null) throw new Error(`${dockerId} is not there`);
    return container;
  }

  it('creates a container once and finds it by its name afterwards', async () => {
    const wanted = spec();
    const first = await containers.create(wanted);
    expect(first.created).toBe(true);
    await expect(containers.create(wanted)).resolves.toEqual({ dockerId: first.dockerId, created: false });
    await expect(containers.inspect(wanted.name)).resolves.toMatchObject({
      dockerId: first.dockerId,
      name: wanted.name,
      image: wanted.image,
      labels: expect.objectContaining(wanted.labels),
      state: 'created',
      exitCode: 0,
      oomKilled: false,
      startedAt: null,
      finishedAt: null,
      addresses: {},
    });
  });

  it('creates one container for concurrent callers', async () => {
    const wanted = spec();
    const answers = await Promise.all(Array.from({ length: 5 }, () => containers.create(wanted)));
    expect(new Set(answers.map(({ dockerId }) => dockerId)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
  });

  it('does not take over a container that DevForge did not create', async () => {
    const wanted = spec();
    await harness.createForeign(wanted.name);
    await expect(containers.create(wanted)).rejects.toMatchObject({ name: 'DriverError', code: 'foreign' });
    await expect(containers.inspect(wanted.name)).resolves.toMatchObject({
      labels: expect.not.objectContaining(wanted.labels),
    });
  });

  it('creates nothing from an image that is missing', async () => {
    const wanted = spec({ image: `devforge-contract/absent:${randomUUID()}` });
    await expect(containers.create(wanted)).rejects.toMatchObject({ code: 'not_found' });
    await expect(containers.inspect(wanted.name)).resolves.toBeNull();
  });

  it('starts a container; already running is success', async () => {
    const { dockerId } = await containers.create(spec());
    const before = Date.now() - 1_000;
    await containers.start(dockerId);
    const first = await inspected(dockerId);
    expect(first.state).toBe('running');
    expect(first.startedAt?.getTime()).toBeGreaterThan(before);
    await containers.start(dockerId);
    expect((await inspected(dockerId)).startedAt).toEqual(first.startedAt);
  });

  it('stops a container, which can be started again; already stopped is success', async () => {
    const dockerId = await started();
    await containers.stop(dockerId, 1);
    const stopped = await inspected(dockerId);
    expect(stopped).toMatchObject({ state: 'exited', oomKilled: false, addresses: {} });
    expect(stopped.finishedAt).toBeInstanceOf(Date);
    await containers.stop(dockerId, 1);
    await containers.start(dockerId);
    expect((await inspected(dockerId)).state).toBe('running');
  });

  it('pauses and unpauses; repeating either is success', async () => {
    const dockerId = await started();
    await containers.pause(dockerId);
    await containers.pause(dockerId);
    expect((await inspected(dockerId)).state).toBe('paused');
    await containers.unpause(dockerId);
    await containers.unpause(dockerId);
    expect((await inspected(dockerId)).state).toBe('running');
  });

  it('shows the exit code of a container that exited by itself', async () => {
    const dockerId = await started(exits(3));
    await until(async () => (await inspected(dockerId)).state === 'exited');
    await expect(inspected(dockerId)).resolves.toMatchObject({ exitCode: 3, oomKilled: false });
  });

  it('removes a running container, by id or name; already gone is success', async () => {
    const wanted = spec();
    const { dockerId } = await containers.create(wanted);
    await containers.start(dockerId);
    await containers.remove(wanted.name);
    await expect(containers.inspect(dockerId)).resolves.toBeNull();
    await containers.remove(dockerId);
    await containers.remove(wanted.name);
    await expect(containers.create(wanted)).resolves.toMatchObject({ created: true });
  });

  it('removes a container once for concurrent callers', async () => {
    const dockerId = await started();
    await Promise.all(Array.from({ length: 4 }, () => containers.remove(dockerId)));
    await expect(containers.inspect(dockerId)).resolves.toBeNull();
  });

  it('removes a container that is paused', async () => {
    const dockerId = await started();
    await containers.pause(dockerId);
    await containers.remove(dockerId);
    await expect(containers.inspect(dockerId)).resolves.toBeNull();
  });

  it('rejects with not_found for a container that is absent, and inspects null', async () => {
    const absent = `devforge-${randomUUID()}`;
    await expect(containers.inspect(absent)).resolves.toBeNull();
    const calls = await Promise.allSettled([
      containers.start(absent),
      containers.stop(absent, 1),
      containers.pause(absent),
      containers.unpause(absent),
      containers.diskFootprint(absent),
      containers.update(absent, { cpuLimit: 1, memoryLimit: 128 }),
      containers.changedPaths(absent),
      containers.readFolder(absent, '/etc'),
      containers.writeFolder(absent, '/etc', Readable.from([])),
    ]);
    expect(calls).toEqual(
      calls.map(() => ({
        status: 'rejected',
        reason: expect.objectContaining({ name: 'DriverError', code: 'not_found' }),
      })),
    );
  });

  it('lists the containers that have a label, running or not, and no others', async () => {
    const [stopped, running, other] = [spec(), spec(), spec()];
    running.labels['contract.pair'] = stopped.labels['contract.pair'] = stopped.id;
    const first = await containers.create(stopped);
    const second = await containers.create(running);
    await containers.create(other);
    await containers.start(second.dockerId);
    const found = await containers.list(`contract.pair=${stopped.id}`);
    expect(found).toHaveLength(2);
    expect(found).toContainEqual(
      expect.objectContaining({ dockerId: first.dockerId, name: stopped.name, state: 'created', image: stopped.image }),
    );
    expect(found).toContainEqual(
      expect.objectContaining({
        dockerId: second.dockerId,
        name: running.name,
        state: 'running',
        labels: expect.objectContaining(running.labels),
      }),
    );
    const all = (await containers.list(LABEL_ID)).map(({ dockerId }) => dockerId);
    expect(all).toEqual(expect.arrayContaining([first.dockerId, second.dockerId]));
    await expect(containers.list(`contract.pair=${randomUUID()}`)).resolves.toEqual([]);
  });

  it('measures the writable layer, and says which volumes are mounted', async () => {
    const wanted = spec();
    const labels = { [LABEL_ID]: wanted.id };
    wanted.mounts = [
      { volume: `devforge-${wanted.id}-workspace`, target: '/workspace', labels },
      { volume: `devforge-${wanted.id}-lent`, target: '/lent', readOnly: true, labels },
    ];
    const { dockerId } = await containers.create(wanted);
    const { writableLayerBytes, volumes } = await containers.diskFootprint(dockerId);
    expect(Number.isInteger(writableLayerBytes)).toBe(true);
    expect(writableLayerBytes).toBeGreaterThanOrEqual(0);
    expect(volumes.toSorted((a, b) => (a.target < b.target ? -1 : 1))).toEqual([
      { name: `devforge-${wanted.id}-lent`, target: '/lent', readOnly: true },
      { name: `devforge-${wanted.id}-workspace`, target: '/workspace', readOnly: false },
    ]);
  });

  it('changes the limits of a container, running or not', async () => {
    const { dockerId } = await containers.create(spec());
    await containers.update(dockerId, { cpuLimit: 0.25, memoryLimit: 64 });
    await containers.start(dockerId);
    await containers.update(dockerId, { cpuLimit: 1, memoryLimit: 256 });
    expect(await harness.limits(dockerId)).toEqual({ cpuLimit: 1, memoryLimit: 256 });
  });

  it('does not start on a network that does not exist', async () => {
    const start = async (): Promise<void> => {
      const { dockerId } = await containers.create(spec({ network: `devforge-contract-${randomUUID()}` }));
      await containers.start(dockerId);
    };
    await expect(start()).rejects.toMatchObject({ code: 'not_found' });
  });
});
