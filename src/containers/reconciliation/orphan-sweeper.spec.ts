import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { DriverError } from '../../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import type { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { OrphanSweeper } from './orphan-sweeper.js';

describe('OrphanSweeper', () => {
  const tombstones = jest.fn<ContainersRepository['tombstones']>();
  const purge = jest.fn<ContainersRepository['purge']>();
  let driver: FakeWorkspaceDriver;
  let clock: FakeClock;
  let sweeper: OrphanSweeper;

  beforeEach(() => {
    tombstones.mockReset().mockResolvedValue([]);
    purge.mockReset().mockResolvedValue();
    driver = new FakeWorkspaceDriver();
    clock = new FakeClock();
    sweeper = new OrphanSweeper(driver, { tombstones, purge } as unknown as ContainersRepository, clock, quietLogger());
  });

  it('removes what has a tombstone, and leaves what has a row or is not of this database', async () => {
    const [gone, alive, stranger] = [randomUUID(), randomUUID(), 'not-an-id'];
    for (const id of [gone, alive, stranger]) driver.run({ id });
    tombstones.mockResolvedValue([{ id: gone, keepVolume: false }]);
    await sweeper.sweep();
    const [asked] = tombstones.mock.calls[0] ?? [[]];
    expect([...asked].toSorted()).toEqual([gone, alive].toSorted());
    expect([gone, alive, stranger].map((id) => driver.remains(id).length)).toEqual([0, 2, 2]);
  });

  it('leaves files that were kept on purpose', async () => {
    const id = randomUUID();
    driver.run({ id });
    await driver.remove(id, { keepData: true });
    tombstones.mockResolvedValue([{ id, keepVolume: true }]);
    await sweeper.sweep();
    expect(driver.remains(id)).toEqual(['data']);
  });

  it('removes a workspace that came back after its tombstone was written, and keeps its files', async () => {
    const id = randomUUID();
    driver.run({ id });
    tombstones.mockResolvedValue([{ id, keepVolume: true }]);
    await sweeper.sweep();
    expect(driver.remains(id)).toEqual(['data']);
  });

  it('removes nothing when the engine lists half of what there is, or fails', async () => {
    const ids = [randomUUID(), randomUUID()];
    for (const id of ids) driver.run({ id });
    driver.faults.halveNextList();
    await sweeper.sweep();
    driver.faults.failNext('sweep', new DriverError('unavailable', 'x'));
    await expect(sweeper.sweep()).rejects.toMatchObject({ code: 'unavailable' });
    for (const id of ids) expect(driver.remains(id)).toHaveLength(2);
  });

  it('purges old idempotency keys and tombstones', async () => {
    const day = 24 * 60 * 60_000;
    await sweeper.sweep();
    const now = clock.now().getTime();
    expect(purge).toHaveBeenCalledWith({ idempotencyKeys: new Date(now - day), tombstones: new Date(now - 30 * day) });
  });
});
