import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { WorkspaceEgress } from '../../drivers/workspace-egress.js';
import { EgressPolicies } from '../../egress/egress-policies.js';
import type { UpdateEgressDto } from '../../egress/egress.dto.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { containerNotFound, invalidState } from '../../workspace/container-errors.js';
import { ContainerStore } from '../lifecycle/container-store.js';

const LEASE_WAIT_MS = 15_000;

/** Changes what containers may reach: at the engine first, then in the row. The watch makes the engine follow the rows. */
@Injectable()
export class EgressChanges {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly store: ContainerStore,
    private readonly leases: ContainerLeases,
    private readonly driver: WorkspaceDriver,
    private readonly policies: EgressPolicies,
  ) {}

  /** @throws DomainError `egress_open_forbidden`, `egress_not_supported`, `invalid_state`, `image_outdated` */
  async change({ id, projectId }: ContainerRow, changes: UpdateEgressDto): Promise<ContainerRow> {
    return this.leases.withLease(id, LEASE_WAIT_MS, async ({ lease }) => {
      const row = await this.containers.findById(id, [projectId]);
      if (row === null) throw containerNotFound(id);
      if (row.status === 'deleting') throw invalidState(row.status, 'changed');
      const choice = await this.policies.afterChange(row, changes);
      const [before, after] = await Promise.all([this.policies.resolve(row), this.policies.resolve(row, choice)]);
      await this.apply(row, after);
      try {
        return await this.store.changeSpec(id, choice, lease, 'container.egress');
      } catch (error) {
        await this.apply(row, before).catch(() => undefined);
        throw error;
      }
    });
  }

  /** A workspace that does not exist yet gets it when it is created. */
  private async apply({ id, egress }: ContainerRow, policy: WorkspaceEgress): Promise<void> {
    if (policy.mode === 'open' && egress === 'open') return;
    try {
      await this.driver.setEgress(id, policy);
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      if (error.code === 'not_found') return;
      if (error.code !== 'outdated') throw error;
      throw new DomainError(
        'image_outdated',
        'The container was made by a release that could not restrict what it reaches: rebuild it first.',
        { cause: error },
      );
    }
  }
}
