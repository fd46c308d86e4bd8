import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { ContainerCredentials } from '../../credentials/container-credentials.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { ContainerLeases } from '../../leases/container-leases.js';
import {
  type ContainerRow,
  ContainersRepository,
  growthOf,
  type SpecPatch,
} from '../../persistence/containers/containers.repository.js';
import { FIXED_AT_CREATION, type FixedAtCreation } from '../../persistence/types.js';
import { containerNotFound, invalidState } from '../../workspace/container-errors.js';
import { toSchedule } from '../dto/schedule.dto.js';
import { SpecRules } from '../../workspace/spec-rules.js';
import type { UpdateContainerDto } from '../dto/update-container.dto.js';
import { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import { ContainerStore } from './container-store.js';

const LEASE_WAIT_MS = 15_000;

type Limits = Pick<ContainerRow, 'cpuLimit' | 'memoryLimit'>;

/** Changes what was asked for of a container: at the engine first, where that is possible, then in its row. */
@Injectable()
export class ContainerChanges {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly store: ContainerStore,
    private readonly leases: ContainerLeases,
    private readonly driver: WorkspaceDriver,
    private readonly rules: SpecRules,
    private readonly credentials: ContainerCredentials,
    private readonly secrets: WorkspaceSecretsPublisher,
  ) {}

  /** @throws DomainError `name_taken`, `validation_failed`, `invalid_state`, `credential_not_found`, `images_not_supported` */
  async change(
    principal: Principal,
    { id, projectId }: ContainerRow,
    { schedule, ...changes }: UpdateContainerDto,
  ): Promise<ContainerRow> {
    await this.rules.require(projectId, changes);
    return this.leases.withLease(id, LEASE_WAIT_MS, async ({ lease }) => {
      const row = await this.containers.findById(id, [projectId]);
      if (row === null) throw containerNotFound(id);
      if (row.status === 'deleting') throw invalidState(row.status, 'changed');
      const { repoBranch } = changes;
      if (repoBranch !== undefined && repoBranch !== row.repoBranch) requireNotCloned(row);
      if (changes.credentials !== undefined) await this.credentials.requireUsable(principal, row, changes.credentials);
      const pendingChanges = pendingAfter(row, changes);
      const { cpuLimit = row.cpuLimit, memoryLimit = row.memoryLimit } = changes;
      // Before the engine is asked for anything.
      await this.containers.requireQuota(row.projectId, growthOf(row, changes));
      await this.resize(row, { cpuLimit, memoryLimit });
      try {
        const scheduled = schedule === undefined ? {} : { schedule: toSchedule(schedule), scheduleNextAt: null };
        const changed = await this.store.changeSpec(id, { ...specOf(changes), ...scheduled, pendingChanges }, lease);
        const isPublished = changes.credentials !== undefined || changes.budgetUsd !== undefined;
        if (isPublished && row.runtimeId !== null) await this.publish(changed);
        return changed;
      } catch (error) {
        await this.resize({ ...row, cpuLimit, memoryLimit }, row).catch(() => undefined);
        throw error;
      }
    });
  }

  /** The row counts: a gateway that is away gets it when it is back. */
  private async publish(row: ContainerRow): Promise<void> {
    try {
      await this.secrets.publish(row);
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
    }
  }

  /** Limits of a workspace that exists change at once. */
  private async resize(row: ContainerRow, { cpuLimit, memoryLimit }: Limits): Promise<void> {
    if (cpuLimit === row.cpuLimit && memoryLimit === row.memoryLimit) return;
    const workspace = await this.driver.observe(row.id);
    if (workspace === null) return;
    try {
      await this.driver.resize(workspace, { cpus: cpuLimit, memoryMiB: memoryLimit });
    } catch (error) {
      // It has vanished just now; the next one gets the limits of the row.
      if (error instanceof DriverError && error.code === 'not_found') return;
      if (memoryLimit < row.memoryLimit && isRefusal(error))
        throw new DomainError('invalid_state', `The container uses more than ${memoryLimit} MB of memory.`, {
          extensions: { currentStatus: row.status },
          cause: error,
        });
      throw error;
    }
  }
}

function requireNotCloned({ repoType, workspaceReady, status }: ContainerRow): void {
  if (repoType === 'clone' && !workspaceReady) return;
  const why = repoType === 'clone' ? 'The repository has been cloned' : 'The container has no repository to clone';
  throw new DomainError('invalid_state', `${why}; its branch cannot be changed.`, {
    extensions: { currentStatus: status },
  });
}

/** The columns of a row for what a request says. */
function specOf({ image, ...changes }: Omit<UpdateContainerDto, 'schedule'>): SpecPatch {
  return { ...changes, ...(image === undefined ? {} : { imageReference: image }) };
}

/** What the engine's container does not have yet. One that was not created yet gets everything. */
function pendingAfter(row: ContainerRow, changes: Omit<UpdateContainerDto, 'schedule'>): FixedAtCreation[] {
  if (row.runtimeId === null) return [];
  const wanted = specOf(changes);
  const isChanged = (name: FixedAtCreation): boolean => {
    const column = name === 'image' ? 'imageReference' : name;
    return wanted[column] !== undefined && JSON.stringify(wanted[column]) !== JSON.stringify(row[column]);
  };
  return FIXED_AT_CREATION.filter((name) => row.pendingChanges.includes(name) || isChanged(name));
}

function isRefusal(error: unknown): boolean {
  return error instanceof DriverError && ['failed', 'invalid', 'conflict'].includes(error.code);
}
