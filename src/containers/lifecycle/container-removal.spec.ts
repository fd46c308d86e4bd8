import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import { DriverError } from '../../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { ContainerRemoval } from './container-removal.js';
import type { ContainerStore } from './container-store.js';

describe('ContainerRemoval', () => {
  const tombstone = jest.fn<ContainersRepository['tombstone']>();
  let driver: FakeWorkspaceDriver;
  let removed: string[];
  let removal: ContainerRemoval;

  beforeEach(() => {
    tombstone.mockReset().mockResolvedValue();
    driver = new FakeWorkspaceDriver();
    removed = [];
    const events = new DomainEvents(quietLogger());
    events.on('container.removed', ({ containerId }) => void removed.push(containerId));
    const repository = { tombstone } as unknown as ContainersRepository;
    removal = new ContainerRemoval(driver, repository, {} as ContainerStore, events, new FakeClock());
  });

  const lease = (id: string): { containerId: string; holder: string; fence: number } => ({
    containerId: id,
    holder: 'me',
    fence: 1,
  });
  const running = (): ContainerRow => {
    const row = containerRow();
    driver.run({ id: row.id });
    return row;
  };

  it('removes everything at the engine, and writes the tombstone last', async () => {
    const [row, other] = [running(), running()];
    tombstone.mockImplementation(async (id) => expect(driver.remains(id)).toEqual([]));
    await removal.finish(row, lease(row.id));
    await settled();
    expect(tombstone).toHaveBeenCalledWith(row.id, lease(row.id));
    expect(removed).toEqual([row.id]);
    expect(driver.remains(other.id)).toEqual(['workspace', 'data']);
  });

  it('keeps the files of a container whose volume is to be kept', async () => {
    const row = running();
    await removal.finish({ ...row, keepVolume: true }, lease(row.id));
    expect(driver.remains(row.id)).toEqual(['data']);
  });

  it('writes no tombstone when the engine goes away, and finishes when called again', async () => {
    const row = running();
    driver.faults.failNext('remove', new DriverError('unavailable', 'x'));
    await expect(removal.finish(row, lease(row.id))).rejects.toMatchObject({ code: 'unavailable' });
    expect(tombstone).not.toHaveBeenCalled();
    await removal.finish(row, lease(row.id));
    expect(driver.remains(row.id)).toEqual([]);
  });
});
