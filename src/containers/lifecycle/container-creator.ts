import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { projectForNew, projectNotFound } from '../../auth/project-scope.js';
import { bodyHash } from '../../http/bodies/body-hash.js';
import { Clock } from '../../common/time/clock.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { credentialJustGone } from '../../credentials/credential-errors.js';
import { IdGenerator } from '../../common/id-generator.js';
import {
  type ContainerRow,
  ContainersRepository,
  type IdempotencyKey,
  type InsertOutcome,
  type JobRow,
  QuotaExceededError,
} from '../../persistence/containers/containers.repository.js';
import { ProvisioningQueue } from '../../queues/provisioning-queue.js';
import { WarmPool } from '../../warm-pool/warm-pool.js';
import type { CreateContainerDto } from '../dto/create-container.dto.js';
import { nameTaken } from '../../workspace/container-errors.js';
import { CreatePreconditions } from './create-preconditions.js';
import { volumeInUse, volumeNotFound } from './kept-volumes.js';
import { snapshotNotFound } from '../snapshots/snapshot-errors.js';
import { newContainer, type Origin } from './new-container.js';
import { newJob } from './new-job.js';
import { QueueDepth } from './queue-depth.js';

export interface AcceptedContainer {
  row: ContainerRow;
  /** Absent for one that an earlier request with the same key has made. */
  job?: JobRow;
}

/** Validates and stores a request for a container before it is answered. */
@Injectable()
export class ContainerCreator {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly queue: ProvisioningQueue,
    private readonly preconditions: CreatePreconditions,
    private readonly depth: QueueDepth,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
    private readonly pool: WarmPool,
  ) {}

  /** @param origin of a copy; by default what the request says */
  async accept(
    principal: Principal,
    dto: CreateContainerDto,
    idempotencyKey?: string,
    origin?: Origin,
  ): Promise<AcceptedContainer> {
    const projectId = projectForNew(principal, dto.projectId);
    const checked = await this.preconditions.check(principal, projectId, dto, idempotencyKey !== undefined);
    const [id, jobId, now] = [this.ids.next(), this.ids.next(), this.clock.now()];
    const made = { ...checked, origin: origin ?? checked.origin, projectId, id, jobId, now };
    const wanted = newContainer(principal, dto, made);
    const key = idempotencyKey === undefined ? undefined : { key: idempotencyKey, bodyHash: bodyHash(dto) };
    let { outcome, row, job } = await this.store(wanted, key);
    if (outcome.kind === 'open_forbidden')
      ({ outcome, row, job } = await this.store({ ...wanted, egress: this.preconditions.insteadOfOpen(dto) }, key));
    switch (outcome.kind) {
      case 'inserted':
        this.queue.wake('create', { jobId: job.id, containerId: row.id });
        return { row, job };
      case 'replayed':
        return { row: await this.replayed(outcome.containerId, row) };
      case 'key_reused':
        throw keyReused();
      case 'queue_full':
        throw this.depth.full();
      case 'project_not_found':
        throw projectNotFound(row.projectId);
      case 'name_taken':
        throw nameTaken(dto.name);
      case 'credential_not_found':
        throw credentialJustGone();
      case 'volume_not_found':
        throw volumeNotFound(dto.volume!);
      case 'volume_in_use':
        throw volumeInUse(dto.volume!);
      case 'snapshot_not_found':
        throw snapshotNotFound(row.snapshotId!);
      case 'open_forbidden':
        throw new Error(`A container whose egress is ${row.egress} was refused as an open one.`);
    }
  }

  /** Stores the container, with the id of a workspace from the pool where there is one. */
  private async store(
    wanted: ContainerRow,
    key: IdempotencyKey | undefined,
  ): Promise<{ outcome: InsertOutcome; row: ContainerRow; job: JobRow }> {
    const claimed = await this.pool.claim(wanted);
    const row: ContainerRow = claimed === null ? wanted : { ...wanted, id: claimed, provisioning: 'warm' };
    const job = newJob(wanted.jobId!, row, wanted.createdAt);
    let isStored: boolean | undefined;
    try {
      const outcome = await this.containers.insert(row, job, key, this.depth.limit);
      isStored = outcome.kind === 'inserted';
      return { outcome, row, job };
    } catch (error) {
      // After any other error it may be stored.
      if (error instanceof QuotaExceededError) isStored = false;
      throw error;
    } finally {
      if (claimed !== null && isStored === false) await this.pool.release(claimed);
    }
  }

  /** @param row what would have been made */
  private async replayed(id: string, row: ContainerRow): Promise<ContainerRow> {
    return (await this.containers.findById(id, [row.projectId])) ?? row;
  }
}

function keyReused(): DomainError {
  return new DomainError('idempotency_key_reused', 'This Idempotency-Key came with another body before.');
}
