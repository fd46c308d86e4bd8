import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import type { ContainerStatus } from '../../persistence/types.js';
import { containerNotFound, invalidState } from '../../workspace/container-errors.js';
import { ReprovisionService } from './reprovision.service.js';

const LEASE_WAIT_MS = 15_000;
const REBUILDABLE: readonly ContainerStatus[] = ['running', 'stopped', 'failed', 'missing'];

/** Has containers created anew, from the current image and spec, with their files. */
@Injectable()
export class RebuildService {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly instructions: InstructionsRepository,
    private readonly leases: ContainerLeases,
    private readonly driver: WorkspaceDriver,
    private readonly reprovisioning: ReprovisionService,
  ) {}

  /** @throws DomainError `invalid_state` while a job works on it, `instruction_running` */
  async begin({ id, projectId }: ContainerRow): Promise<ContainerRow> {
    await this.driver.ping();
    return this.leases.withLease(id, LEASE_WAIT_MS, async ({ lease }) => {
      const row = await this.containers.findById(id, [projectId]);
      if (row === null) throw containerNotFound(id);
      if (!REBUILDABLE.includes(row.status)) throw invalidState(row.status, 'rebuilt');
      const running = await this.instructions.activities();
      if (running.some(({ containerId }) => containerId === id))
        throw new DomainError('instruction_running', 'An instruction is running; cancel it, or wait for its end.', {
          extensions: { currentStatus: row.status },
        });
      return this.reprovisioning.begin(row, lease, { recreate: true, audit: 'container.rebuild' });
    });
  }
}
