import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { DriverError } from '../driver-error.js';
import { fakeSpec } from '../fake/fake-workspace.js';
import { gitAgentContainer, workspaceContainer } from './container-specs.js';
import { FakeEngineClient } from './engine/fake/fake-engine-client.js';
import { namesOf } from './names.js';
import { WorkspaceObjects } from './workspace-objects.js';

const IMAGE = 'image';

describe('WorkspaceObjects', () => {
  let engine: FakeEngineClient;
  let clock: FakeClock;
  let objects: WorkspaceObjects;

  beforeEach(() => {
    engine = new FakeEngineClient();
    engine.images.add(IMAGE);
    clock = new FakeClock();
    objects = new WorkspaceObjects(engine, clock);
  });

  async function create(id: string = randomUUID()): Promise<string> {
    const spec = fakeSpec({ id, image: IMAGE, readGitKey: async () => Buffer.from('key') });
    await engine.containers.create(workspaceContainer(spec, await engine.system.info()));
    await engine.containers.create(gitAgentContainer(id, IMAGE));
    return id;
  }

  const remaining = async (id: string): Promise<string[]> => {
    const [containers, volumes] = await Promise.all([
      engine.containers.list(`devforge.id=${id}`),
      engine.volumes.list(`devforge.id=${id}`),
    ]);
    return [...containers.map(({ name }) => `container ${name}`), ...volumes.map(({ name }) => `volume ${name}`)];
  };

  it('removes every container and volume of a workspace, and nothing of another', async () => {
    const [id, other] = [await create(), await create()];
    const before = await remaining(other);
    await objects.remove(id, { keepData: false });
    await expect(remaining(id)).resolves.toEqual([]);
    await expect(remaining(other)).resolves.toEqual(before);
    expect(before).toHaveLength(7);
  });

  it('keeps the workspace volume when asked to', async () => {
    const id = await create();
    await objects.remove(id, { keepData: true });
    await expect(remaining(id)).resolves.toEqual([`volume ${namesOf(id).workspaceVolume}`]);
  });

  it('completes a removal that failed half-way when it is called again', async () => {
    const id = await create();
    engine.faults.failNext('volumes.remove', new DriverError('unavailable', 'x'));
    await expect(objects.remove(id, { keepData: false })).rejects.toMatchObject({ code: 'unavailable' });
    await objects.remove(id, { keepData: false });
    await expect(remaining(id)).resolves.toEqual([]);
  });

  it('retries while the engine still holds a volume', async () => {
    const id = await create();
    for (let busy = 0; busy < 3; busy++)
      engine.faults.failNext('volumes.remove', new DriverError('conflict', 'in use'));
    const removing = objects.remove(id, { keepData: false });
    for (let wait = 0; wait < 3; wait++) {
      await settled();
      await clock.advance(200);
    }
    await removing;
    await expect(remaining(id)).resolves.toEqual([]);
  });

  it('sweeps only the named orphans among all workspaces with objects at the engine', async () => {
    const [gone, alive] = [await create(), await create()];
    let found: string[] = [];
    const removed = await objects.sweep(async (ids) => {
      found = ids;
      return [{ id: gone, keepData: false }];
    });
    expect(removed).toEqual([gone]);
    expect(found.toSorted()).toEqual([gone, alive].toSorted());
    await expect(remaining(gone)).resolves.toEqual([]);
    await expect(remaining(alive)).resolves.toHaveLength(7);
  });

  it('does not sweep a volume that was kept on purpose', async () => {
    const id = await create();
    await objects.remove(id, { keepData: true });
    await expect(objects.sweep(async () => [{ id, keepData: true }])).resolves.toEqual([]);
    await expect(remaining(id)).resolves.toHaveLength(1);
  });

  it('sweeps all but the kept volume when the containers came back', async () => {
    const id = await create();
    await expect(objects.sweep(async () => [{ id, keepData: true }])).resolves.toEqual([id]);
    await expect(remaining(id)).resolves.toEqual([`volume ${namesOf(id).workspaceVolume}`]);
  });

  it('leaves alone what has a name of the workspace without its label', async () => {
    const id = randomUUID();
    const { workspace, gitAgent, workspaceVolume, stateVolume } = namesOf(id);
    const foreign = workspaceContainer(fakeSpec({ id, image: IMAGE }), engine.system.present);
    for (const name of [workspace, gitAgent]) engine.containers.add({ ...foreign, name, labels: {}, mounts: [] });
    for (const name of [workspaceVolume, stateVolume]) engine.volumes.add(name, { 'devforge.id': 'another' });
    await objects.remove(id, { keepData: false });
    for (const name of [workspace, gitAgent]) expect(engine.containers.require(name).labels).toEqual({});
    for (const name of [workspaceVolume, stateVolume]) await expect(engine.volumes.exists(name)).resolves.toBe(true);
    await expect(objects.inspectWorkspace(id)).resolves.toBeNull();
    await expect(objects.ensureVolumes(id, [stateVolume])).rejects.toMatchObject({ code: 'foreign' });
  });

  it('finds and removes a workspace that was renamed', async () => {
    const id = await create();
    for (const name of [namesOf(id).workspace, namesOf(id).gitAgent])
      engine.containers.require(name).name = `renamed-${name}`;
    await expect(objects.inspectWorkspace(id)).resolves.toMatchObject({ name: `renamed-devforge-${id}` });
    await expect(objects.findWorkspace(id)).resolves.toMatchObject({ name: `renamed-devforge-${id}` });
    await objects.remove(id, { keepData: false });
    await expect(remaining(id)).resolves.toEqual([]);
  });

  it('removes the files that were kept of another workspace with the one that has them', async () => {
    const origin = await create();
    await objects.remove(origin, { keepData: true });
    const id = randomUUID();
    await engine.containers.create(
      workspaceContainer(fakeSpec({ id, image: IMAGE, dataId: origin }), engine.system.present),
    );
    await expect(objects.listData()).resolves.toEqual([origin]);
    await objects.remove(id, { keepData: true, dataId: origin });
    await expect(objects.listData()).resolves.toEqual([origin]);
    await objects.remove(id, { keepData: false, dataId: origin });
    await expect(objects.listData()).resolves.toEqual([]);
  });

  it('sweeps what a removal that was interrupted left beside a kept volume', async () => {
    const id = await create();
    for (const { dockerId } of await engine.containers.list('devforge.id')) engine.containers.vanish(dockerId);
    await expect(objects.sweep(async () => [{ id, keepData: true }])).resolves.toEqual([id]);
    await expect(remaining(id)).resolves.toEqual([`volume ${namesOf(id).workspaceVolume}`]);
  });

  it('sweeps nothing that the engine does not list, and fails when it does not list at all', async () => {
    const [first, second] = [await create(), await create()];
    engine.faults.halveNextList();
    await objects.sweep(async () => []);
    engine.faults.failNext('containers.list', new DriverError('unavailable', 'x'));
    await expect(objects.sweep(async () => [])).rejects.toMatchObject({ code: 'unavailable' });
    for (const id of [first, second]) await expect(remaining(id)).resolves.toHaveLength(7);
  });
});
