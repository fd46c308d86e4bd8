import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { DomainEvents } from '../../events/domain-events.js';
import {
  type ContainerRow,
  ContainersRepository,
  type Lease,
} from '../../persistence/containers/containers.repository.js';
import { ContainerEngine, EngineError } from '../../drivers/docker/engine/container-engine.js';
import { ContainerLeases, type HeldContainerLease } from '../../leases/container-leases.js';
import { ContainerRemoval } from './container-removal.js';
import { containerNotFound, invalidState } from '../../workspace/container-errors.js';
import { ContainerStore } from './container-store.js';
import { GitAgent } from '../../git-keys/git-agent.js';
import { VANISHED } from '../reconciliation/reconcile-decision.js';
import { ReprovisionService } from './reprovision.service.js';

const LEASE_WAIT_MS = 15_000;
const STOP_GRACE_SECONDS = 10;

/** Starts, stops and removes containers while the client waits. */
@Injectable()
export class ContainerLifecycleService {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly store: ContainerStore,
    private readonly leases: ContainerLeases,
    private readonly runtime: ContainerEngine,
    private readonly gitAgent: GitAgent,
    private readonly removal: ContainerRemoval,
    private readonly reprovisioning: ReprovisionService,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {}

  /** A stopped container is started; a failed or missing one goes through provisioning again, on the volume it has. */
  async start(container: ContainerRow): Promise<ContainerRow> {
    await this.runtime.engine.ping();
    if (container.status === 'running') return container;
    return this.leases.withLease(container.id, LEASE_WAIT_MS, async (held) => {
      const row = await this.current(container.id);
      switch (row.status) {
        case 'running':
          return row;
        case 'stopped':
          return row.workspaceReady ? this.startStopped(row, held) : this.reprovisioning.begin(row, held.lease);
        case 'failed':
        case 'missing':
          return this.reprovisioning.begin(row, held.lease);
        default:
          throw invalidState(row.status, 'running');
      }
    });
  }

  async stop(container: ContainerRow): Promise<ContainerRow> {
    await this.runtime.engine.ping();
    if (container.status === 'stopped') return container;
    return this.leases.withLease(container.id, LEASE_WAIT_MS, async ({ lease }) => {
      const row = await this.current(container.id);
      if (row.status === 'stopped') return row;
      if (row.status !== 'running' && row.status !== 'stopping') throw invalidState(row.status, 'stopped');
      const stopping = await this.store.transition(row.id, 'stopping', { lease, patch: { desiredRunning: false } });
      return this.finishStop(stopping, lease);
    });
  }

  async remove(container: ContainerRow, keepVolume: boolean): Promise<void> {
    await this.runtime.engine.ping();
    await this.store.transition(container.id, 'deleting', { patch: { desiredRunning: false, keepVolume } });
    this.events.emit('container.deleting', { containerId: container.id });
    const removal = this.leases.withLease(container.id, LEASE_WAIT_MS, async ({ lease }) => {
      const row = await this.containers.findById(container.id);
      if (row !== null) await this.removal.remove(row, lease);
    });
    await removal.catch((error: unknown) => {
      // The reconciler was quicker.
      if (!(error instanceof DomainError) || error.code !== 'container_not_found') throw error;
    });
  }

  /** Goes on with a stop that was begun. */
  async finishStop(row: ContainerRow, lease: Lease): Promise<ContainerRow> {
    try {
      await this.runtime.containers.stop(row.dockerId!, STOP_GRACE_SECONDS);
      await this.gitAgent.stop(row);
    } catch (error) {
      if (isNotFound(error)) return this.store.transition(row.id, 'missing', { lease, reason: VANISHED });
      throw error;
    }
    return this.store.transition(row.id, 'stopped', { lease, reason: row.statusReason ?? undefined });
  }

  async startStopped(row: ContainerRow, { lease, signal }: HeldContainerLease): Promise<ContainerRow> {
    await this.store.transition(row.id, 'starting', { lease, patch: { desiredRunning: true } });
    try {
      await this.gitAgent.ensure(row, row.image!, signal);
      await this.runtime.containers.start(row.dockerId!);
    } catch (error) {
      if (isNotFound(error)) return this.reprovisioning.begin(row, lease);
      await this.store.tryTransition(row.id, 'stopped', {
        lease,
        reason: { code: 'start_failed', message: messageOf(error) },
        patch: { desiredRunning: false },
      });
      throw error;
    }
    return this.store.transition(row.id, 'running', { lease, patch: { startedAt: this.clock.now() } });
  }

  private async current(id: string): Promise<ContainerRow> {
    const row = await this.containers.findById(id);
    if (row === null) throw containerNotFound(id);
    return row;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'not_found';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
