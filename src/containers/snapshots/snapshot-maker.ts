import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { SnapshotRow } from '../../persistence/snapshots/snapshots.repository.js';
import type { SnapshotPurpose } from '../../persistence/types.js';
import { containerNotFound, invalidState } from '../../workspace/container-errors.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { SnapshotStore } from './snapshot-store.js';

const LEASE_WAIT_MS = 15_000;

/** Saves the files of containers. */
@Injectable()
export class SnapshotMaker {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly snapshots: SnapshotStore,
    private readonly leases: ContainerLeases,
    private readonly driver: WorkspaceDriver,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /**
   * @param ownerId who asked for it
   * @throws DomainError `snapshot_not_supported`, `invalid_state`; QuotaExceededError
   */
  async make(container: ContainerRow, ownerId: string, purpose: SnapshotPurpose): Promise<SnapshotRow> {
    await this.driver.ping();
    if (!this.driver.capabilities.snapshot)
      throw new DomainError(
        'snapshot_not_supported',
        'The engine cannot pause containers, so their files cannot be saved.',
      );
    const image = await this.driver.prepare(
      { template: container.template },
      () => undefined,
      new AbortController().signal,
    );
    return this.leases.withLease(container.id, LEASE_WAIT_MS, async ({ signal }) => {
      const row = await this.containers.findById(container.id, [container.projectId]);
      if (row === null) throw containerNotFound(container.id);
      if ((row.status !== 'running' && row.status !== 'stopped') || row.runtimeId === null || !row.workspaceReady)
        throw invalidState(row.status, 'saved');
      const begun = await this.snapshots.begin(this.newRow(row, ownerId, purpose));
      try {
        const made = await this.driver.saveSnapshot(workspaceOf(row), begun.id, image, signal);
        return await this.snapshots.complete(begun, made);
      } catch (error) {
        await this.snapshots.discard(begun.id).catch(() => undefined);
        throw errorOf(row, error);
      }
    });
  }

  private newRow(
    { id: containerId, name, projectId, template, repoType, repoUrl, repoBranch }: ContainerRow,
    ownerId: string,
    purpose: SnapshotPurpose,
  ): Omit<SnapshotRow, 'holder'> {
    return {
      id: this.ids.next(),
      ownerId,
      projectId,
      containerId,
      containerName: name,
      template,
      repoType,
      repoUrl,
      repoBranch,
      state: 'making',
      purpose,
      bytes: 0,
      pausedMs: 0,
      createdAt: this.clock.now(),
    };
  }
}

function errorOf(row: ContainerRow, error: unknown): unknown {
  if (!(error instanceof DriverError)) return error;
  if (error.code === 'not_found') return invalidState(row.status, 'saved');
  if (error.code !== 'outdated') return error;
  return new DomainError(
    'invalid_state',
    'The container is of an older release: rebuild it before its files are saved.',
    {
      extensions: { currentStatus: row.status },
      cause: error,
    },
  );
}
