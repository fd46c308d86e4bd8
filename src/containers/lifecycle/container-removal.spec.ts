import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import { FakeEngineClient } from '../../drivers/docker/engine/fake/fake-engine-client.js';
import { ContainerRemoval } from './container-removal.js';
import { namesOf } from '../../workspace/container-names.js';
import { OrphanSweeper } from '../reconciliation/orphan-sweeper.js';
import { gitAgentSpec, workspaceSpec } from '../../workspace/workspace-spec.js';

const IMAGE = 'image';
const ENGINE = { version: '20', cpus: 2 };

describe('what belongs to a container', () => {
  const tombstone = jest.fn<ContainersRepository['tombstone']>();
  const tombstones = jest.fn<ContainersRepository['tombstones']>();
  const purge = jest.fn<ContainersRepository['purge']>();
  let runtime: FakeEngineClient;
  let clock: FakeClock;
  let removed: string[];
  let removal: ContainerRemoval;
  let leftovers: OrphanSweeper;

  beforeEach(() => {
    tombstone.mockReset().mockResolvedValue();
    tombstones.mockReset().mockResolvedValue([]);
    purge.mockReset().mockResolvedValue();
    runtime = new FakeEngineClient();
    runtime.images.add(IMAGE);
    clock = new FakeClock();
    removed = [];
    const events = new DomainEvents(quietLogger());
    events.on('container.removed', ({ containerId }) => void removed.push(containerId));
    const repository = { tombstone, tombstones, purge } as unknown as ContainersRepository;
    removal = new ContainerRemoval(runtime, repository, events, clock);
    leftovers = new OrphanSweeper(runtime, repository, removal, clock, quietLogger());
  });

  async function made(id: string = randomUUID()): Promise<ReturnType<typeof containerRow>> {
    const row = containerRow({ id, sshKeyPath: '/k' });
    await runtime.containers.create(workspaceSpec(row, IMAGE, ENGINE, {}));
    await runtime.containers.create(gitAgentSpec(row, IMAGE));
    return row;
  }

  const left = async (id: string): Promise<string[]> => {
    const [containers, volumes] = await Promise.all([
      runtime.containers.list(`devforge.id=${id}`),
      runtime.volumes.list(`devforge.id=${id}`),
    ]);
    return [...containers.map(({ name }) => `container ${name}`), ...volumes.map(({ name }) => `volume ${name}`)];
  };
  const lease = (id: string): { containerId: string; holder: string; fence: number } => ({
    containerId: id,
    holder: 'me',
    fence: 1,
  });

  it('goes with it, all of it, and the row last', async () => {
    const [row, other] = [await made(), await made()];
    const before = await left(other.id);
    tombstone.mockImplementation(async (id) => expect(await left(id)).toEqual([]));
    await removal.remove(row, lease(row.id));
    await settled();
    expect(tombstone).toHaveBeenCalledWith(row.id, lease(row.id));
    expect(removed).toEqual([row.id]);
    await expect(left(other.id)).resolves.toEqual(before);
    expect(before).toHaveLength(5);
  });

  it('goes but for the workspace volume when that is to be kept', async () => {
    const row = await made();
    await removal.remove({ ...row, keepVolume: true }, lease(row.id));
    await expect(left(row.id)).resolves.toEqual([`volume ${namesOf(row.id).workspaceVolume}`]);
  });

  it('stays in the rows when the engine goes away, and goes when it is tried again', async () => {
    const row = await made();
    runtime.faults.failNext('volumes.remove', new DriverError('unavailable', 'x'));
    await expect(removal.remove(row, lease(row.id))).rejects.toMatchObject({ code: 'unavailable' });
    expect(tombstone).not.toHaveBeenCalled();
    await removal.remove(row, lease(row.id));
    await expect(left(row.id)).resolves.toEqual([]);
  });

  it('is waited for when the engine has not let go of a volume yet', async () => {
    const row = await made();
    for (let busy = 0; busy < 3; busy++)
      runtime.faults.failNext('volumes.remove', new DriverError('conflict', 'in use'));
    const removing = removal.remove(row, lease(row.id));
    for (let wait = 0; wait < 3; wait++) {
      await settled();
      await clock.advance(200);
    }
    await removing;
    await expect(left(row.id)).resolves.toEqual([]);
  });

  it('is swept away when its row says that it was removed, and only then', async () => {
    const [gone, alive] = [await made(), await made()];
    const stranger = await made('not-an-id');
    tombstones.mockResolvedValue([{ id: gone.id, keepVolume: false }]);
    await leftovers.sweep();
    const [asked] = tombstones.mock.calls[0] ?? [[]];
    expect([...asked].toSorted()).toEqual([gone.id, alive.id].toSorted());
    await expect(left(gone.id)).resolves.toEqual([]);
    await expect(left(alive.id)).resolves.toHaveLength(5);
    await expect(left(stranger.id)).resolves.toHaveLength(5);
  });

  it('is no leftover when it is a volume that was to be kept', async () => {
    const row = await made();
    await removal.removeObjects(row.id, true);
    tombstones.mockResolvedValue([{ id: row.id, keepVolume: true }]);
    await leftovers.sweep();
    await expect(left(row.id)).resolves.toHaveLength(1);
  });

  it('goes but for the kept volume when it came back after its row was buried', async () => {
    const row = await made();
    tombstones.mockResolvedValue([{ id: row.id, keepVolume: true }]);
    await leftovers.sweep();
    await expect(left(row.id)).resolves.toEqual([`volume ${namesOf(row.id).workspaceVolume}`]);
  });

  it('stays when the engine shows half of what there is, or nothing at all', async () => {
    const [first, second] = [await made(), await made()];
    runtime.faults.halveNextList();
    await leftovers.sweep();
    runtime.faults.failNext('containers.list', new DriverError('unavailable', 'x'));
    await expect(leftovers.sweep()).rejects.toMatchObject({ code: 'unavailable' });
    for (const { id } of [first, second]) await expect(left(id)).resolves.toHaveLength(5);
  });

  it('lets old keys and tombstones be forgotten', async () => {
    const day = 24 * 60 * 60_000;
    await leftovers.sweep();
    const now = clock.now().getTime();
    expect(purge).toHaveBeenCalledWith({ idempotencyKeys: new Date(now - day), tombstones: new Date(now - 30 * day) });
  });
});
