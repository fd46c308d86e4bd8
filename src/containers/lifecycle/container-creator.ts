import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { projectForNew, projectNotFound } from '../../auth/project-scope.js';
import { bodyHash } from '../../http/bodies/body-hash.js';
import { Clock } from '../../common/time/clock.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Settings } from '../../config/settings.js';
import {
  type ContainerRow,
  ContainersRepository,
  demandOf,
} from '../../persistence/containers/containers.repository.js';
import { ProvisioningQueue } from '../../queues/provisioning-queue.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { CreateContainerDto } from '../dto/create-container.dto.js';
import { nameTaken } from '../../workspace/container-errors.js';
import { queueFull } from '../queue-depth.guard.js';
import { KeptVolumes, volumeInUse, volumeNotFound } from './kept-volumes.js';
import { newJob } from './new-job.js';
import { PROVISIONING } from './state-table.js';
import { SshKeys } from '../../git-keys/ssh-keys.js';

/** Validates and stores a request for a container before it is answered. */
@Injectable()
export class ContainerCreator {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly queue: ProvisioningQueue,
    private readonly driver: WorkspaceDriver,
    private readonly keys: SshKeys,
    private readonly volumes: KeptVolumes,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  async accept(principal: Principal, dto: CreateContainerDto, idempotencyKey?: string): Promise<ContainerRow> {
    if (dto.sshKeyPath !== undefined) await this.keys.assertUsable(dto.sshKeyPath);
    const projectId = projectForNew(principal, dto.projectId);
    // Before the engine is asked for anything. A repeated request is answered even if the quota is reached by now.
    if (idempotencyKey === undefined)
      await this.containers.requireQuota(projectId, demandOf({ ...dto, desiredRunning: true }));
    await this.driver.ping();
    const dataId = dto.volume === undefined ? null : await this.volumes.resolve(projectId, dto.volume);
    const row = this.toRow(principal, projectId, dto, dataId);
    const job = newJob(row.jobId!, row, row.createdAt);
    const key = idempotencyKey === undefined ? undefined : { key: idempotencyKey, bodyHash: bodyHash(dto) };
    const { queued } = this.settings.concurrencyLimits;
    const queue = queued === Infinity ? undefined : { states: PROVISIONING, max: queued };
    const outcome = await this.containers.insert(row, job, key, queue);
    switch (outcome.kind) {
      case 'inserted':
        this.queue.wake('create', { jobId: job.id, containerId: row.id });
        return row;
      case 'replayed':
        return this.replayed(outcome.containerId, row);
      case 'key_reused':
        throw keyReused();
      case 'queue_full':
        throw queueFull(queued);
      case 'project_not_found':
        throw projectNotFound(row.projectId);
      case 'name_taken':
        throw nameTaken(dto.name);
      case 'volume_not_found':
        throw volumeNotFound(dto.volume!);
      case 'volume_in_use':
        throw volumeInUse(dto.volume!);
    }
  }

  /** @param row what would have been made */
  private async replayed(id: string, row: ContainerRow): Promise<ContainerRow> {
    const made = await this.containers.findById(id);
    // Without a project in the body, the same body may mean another project by now.
    if (made !== null && made.projectId !== row.projectId) throw keyReused();
    return made ?? row;
  }

  private toRow(principal: Principal, projectId: string, dto: CreateContainerDto, dataId: string | null): ContainerRow {
    const now = this.clock.now();
    return {
      id: this.ids.next(),
      ownerId: principal.id,
      projectId,
      name: dto.name,
      template: dto.template,
      mode: dto.mode,
      repoType: dto.repoType,
      repoUrl: dto.repoUrl ?? null,
      repoBranch: dto.repoBranch ?? null,
      sshKeyPath: dto.sshKeyPath ?? null,
      gitName: dto.gitName ?? null,
      gitEmail: dto.gitEmail ?? null,
      cpuLimit: dto.cpuLimit,
      memoryLimit: dto.memoryLimit,
      diskLimit: dto.diskLimit,
      env: dto.env,
      status: 'queued',
      statusReason: null,
      desiredRunning: true,
      diskLimitEnforced: 'soft',
      runtimeId: null,
      image: null,
      jobId: this.ids.next(),
      workspaceReady: false,
      keepVolume: false,
      dataId,
      recreate: false,
      pendingChanges: [],
      leaseHolder: null,
      leaseExpiresAt: null,
      fence: 0,
      createdAt: now,
      updatedAt: now,
      startedAt: null,
      editorLastSeenAt: null,
      deletedAt: null,
    };
  }
}

function keyReused(): DomainError {
  return new DomainError('idempotency_key_reused', 'This Idempotency-Key came with another body before.');
}
