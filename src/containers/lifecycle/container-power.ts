import { Injectable } from '@nestjs/common';
import { safeMessageOf } from '../../common/errors/error-report.js';
import { Clock } from '../../common/time/clock.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import type { HeldContainerLease } from '../../leases/container-leases.js';
import type { ContainerRow, Lease, Transition } from '../../persistence/containers/containers.repository.js';
import type { StatusReason } from '../../persistence/types.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import { WorkspaceSpecs } from '../../workspace/workspace-specs.js';
import { VANISHED } from '../reconciliation/reconcile-decision.js';
import { asCreated } from './as-created.js';
import { ContainerStore } from './container-store.js';
import { ReprovisionService } from './reprovision.service.js';

const STOP_GRACE_SECONDS = 10;

/** Starts and stops the workspace of a container whose lease the caller holds, and writes the outcome. */
@Injectable()
export class ContainerPower {
  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly specs: WorkspaceSpecs,
    private readonly secrets: WorkspaceSecretsPublisher,
    private readonly store: ContainerStore,
    private readonly reprovisioning: ReprovisionService,
    private readonly clock: Clock,
  ) {}

  /**
   * Starts a stopped container; one whose workspace is gone is provisioned again.
   * @param audit what it is for the caller who asked for it
   */
  async start(
    row: ContainerRow,
    { lease, signal }: HeldContainerLease,
    audit: Pick<Transition, 'audit'> = {},
  ): Promise<ContainerRow> {
    await this.store.transition(row.id, 'starting', { lease, patch: { desiredRunning: true }, ...audit });
    let workspace: WorkspaceRef;
    try {
      await this.secrets.publish(row);
      workspace = await this.driver.startAgain(workspaceOf(row), await this.specs.of(row), signal);
    } catch (error) {
      if (isNotFound(error)) return this.reprovisioning.begin(row, lease);
      const stopped = await this.store.tryTransition(row.id, 'stopped', {
        lease,
        reason: { code: 'start_failed', message: safeMessageOf(error) },
        patch: { desiredRunning: false },
      });
      if (stopped === null) await this.store.requireHeld(row.id, lease);
      throw error;
    }
    const { runtimeId } = workspace;
    return this.store.transition(row.id, 'running', {
      lease,
      patch: { startedAt: this.clock.now(), runtimeId, ...asCreated(row, runtimeId) },
    });
  }

  /**
   * Stops a running container without being asked to, for good.
   * @param quietSince nothing happens when there was activity after this time
   * @returns null when nothing happened
   */
  async stopFor(
    id: string,
    reason: StatusReason,
    lease: Lease,
    { quietSince }: Pick<Transition, 'quietSince'> = {},
  ): Promise<ContainerRow | null> {
    const patch = { desiredRunning: false };
    const only = quietSince === undefined ? {} : { quietSince };
    const stopping = await this.store.tryTransition(id, 'stopping', { lease, reason, patch, ...only });
    return stopping && this.finishStop(stopping, lease);
  }

  /** Stops the workspace of a container whose row says `stopping`. */
  async finishStop(row: ContainerRow, lease: Lease): Promise<ContainerRow> {
    try {
      await this.driver.stop(row.id, STOP_GRACE_SECONDS);
    } catch (error) {
      if (isNotFound(error)) return this.store.transition(row.id, 'missing', { lease, reason: VANISHED });
      // The engine may have failed because the container is being removed.
      await this.store.requireHeld(row.id, lease);
      throw error;
    }
    return this.store.transition(row.id, 'stopped', { lease, reason: row.statusReason ?? undefined });
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof DriverError && error.code === 'not_found';
}
