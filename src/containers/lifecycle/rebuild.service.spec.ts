import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { containerRow } from '../../../test/support/rows.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import type { ContainerLeases } from '../../leases/container-leases.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import type { ContainerStatus } from '../../persistence/types.js';
import { RebuildService } from './rebuild.service.js';
import type { ReprovisionService } from './reprovision.service.js';

describe('RebuildService', () => {
  const lease = { containerId: 'c', holder: 'me', fence: 1 };
  const begin = jest.fn<ReprovisionService['begin']>();
  let row: ContainerRow;
  let busy: string[];
  let rebuilds: RebuildService;

  beforeEach(() => {
    begin.mockReset().mockImplementation(async (container) => ({ ...container, status: 'queued' }));
    row = containerRow();
    busy = [];
    rebuilds = new RebuildService(
      { findById: async () => row } as unknown as ContainersRepository,
      {
        activities: async () => busy.map((containerId) => ({ containerId })),
      } as unknown as InstructionsRepository,
      {
        withLease: async (_: string, __: number, work: (held: object) => unknown) => work({ lease }),
      } as unknown as ContainerLeases,
      new FakeWorkspaceDriver(),
      { begin } as unknown as ReprovisionService,
    );
  });

  it.each<ContainerStatus>(['running', 'stopped', 'failed', 'missing'])(
    'begins a job that replaces a container which is %s',
    async (status) => {
      row = { ...row, status };
      busy = ['another'];
      await expect(rebuilds.begin(row)).resolves.toMatchObject({ status: 'queued' });
      expect(begin).toHaveBeenCalledWith(row, lease, { recreate: true, audit: 'container.rebuild' });
    },
  );

  it.each<ContainerStatus>(['queued', 'creating', 'starting', 'cloning', 'stopping', 'deleting'])(
    'refuses a container that is %s',
    async (status) => {
      row = { ...row, status };
      await expect(rebuilds.begin(row)).rejects.toMatchObject({
        code: 'invalid_state',
        extensions: { currentStatus: status },
      });
      expect(begin).not.toHaveBeenCalled();
    },
  );

  it('refuses a container in which an instruction runs', async () => {
    busy = [row.id];
    await expect(rebuilds.begin(row)).rejects.toMatchObject({ code: 'instruction_running' });
    expect(begin).not.toHaveBeenCalled();
  });
});
