import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { containerNotFound, invalidState } from '../../workspace/container-errors.js';
import { ContainerPower } from './container-power.js';
import { ContainerRemoval } from './container-removal.js';
import { ContainerStore } from './container-store.js';
import { ReprovisionService } from './reprovision.service.js';

const LEASE_WAIT_MS = 15_000;

/** Starts, stops and removes containers while the client waits. */
@Injectable()
export class ContainerLifecycleService {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly store: ContainerStore,
    private readonly leases: ContainerLeases,
    private readonly driver: WorkspaceDriver,
    private readonly power: ContainerPower,
    private readonly removal: ContainerRemoval,
    private readonly reprovisioning: ReprovisionService,
  ) {}

  /** Starts a stopped container; a failed or missing one is provisioned again, on the volume it has. */
  async start(container: ContainerRow): Promise<ContainerRow> {
    await this.driver.ping();
    if (container.status === 'running') return container;
    return this.leases.withLease(container.id, LEASE_WAIT_MS, async (held) => {
      const row = await this.current(container);
      switch (row.status) {
        case 'running':
          return row;
        case 'stopped':
          return row.workspaceReady
            ? this.power.start(row, held, { audit: 'container.start' })
            : this.reprovisioning.begin(row, held.lease, { audit: 'container.start' });
        case 'failed':
        case 'missing':
          return this.reprovisioning.begin(row, held.lease, { audit: 'container.start' });
        default:
          throw invalidState(row.status, 'running');
      }
    });
  }

  async stop(container: ContainerRow): Promise<ContainerRow> {
    await this.driver.ping();
    if (container.status === 'stopped') return container;
    return this.leases.withLease(container.id, LEASE_WAIT_MS, async ({ lease }) => {
      const row = await this.current(container);
      if (row.status === 'stopped') return row;
      if (row.status !== 'running' && row.status !== 'stopping') throw invalidState(row.status, 'stopped');
      const stopping = await this.store.transition(row.id, 'stopping', {
        lease,
        patch: { desiredRunning: false },
        audit: 'container.stop',
      });
      return this.power.finishStop(stopping, lease);
    });
  }

  async remove(container: ContainerRow, keepVolume: boolean): Promise<void> {
    await this.driver.ping();
    await this.removal.begin(container, keepVolume);
    const removal = this.leases.withLease(container.id, LEASE_WAIT_MS, async ({ lease }) => {
      const row = await this.containers.findById(container.id, [container.projectId]);
      if (row !== null) await this.removal.finish(row, lease);
    });
    await removal.catch((error: unknown) => {
      // The reconciler has removed it already.
      if (!(error instanceof DomainError) || error.code !== 'container_not_found') throw error;
    });
  }

  private async current({ id, projectId }: ContainerRow): Promise<ContainerRow> {
    const row = await this.containers.findById(id, [projectId]);
    if (row === null) throw containerNotFound(id);
    return row;
  }
}
