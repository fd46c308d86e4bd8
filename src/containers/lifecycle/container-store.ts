import { Injectable } from '@nestjs/common';
import { DomainEvents } from '../../events/domain-events.js';
import {
  type ContainerPatch,
  type ContainerRow,
  ContainersRepository,
  type JobPatch,
  type JobRow,
  type Lease,
  type Transition,
} from '../../persistence/containers/containers.repository.js';
import { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import type { ContainerStatus, StatusReason } from '../../persistence/types.js';
import { containerNotFound, invalidState } from '../../workspace/container-errors.js';
import { statusesBefore } from './state-table.js';

/** The lease is lost or the container is being deleted: the work on it must stop. */
export class NotHeldError extends Error {
  constructor(containerId: string) {
    super(`The container ${containerId} is no longer held by this worker`);
  }
}

export interface TransitionOptions extends Pick<Transition, 'lease' | 'job' | 'newJob'> {
  reason?: StatusReason;
  patch?: ContainerPatch;
}

/** All changes of containers: checked against the state table, written to the row, published as an event. */
@Injectable()
export class ContainerStore {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly jobs: JobsRepository,
    private readonly events: DomainEvents,
  ) {}

  /**
   * Changes the status of the container to `to`.
   * @throws NotHeldError when a lease was given and is lost, or the container is being deleted
   * @throws DomainError `invalid_state` when the state table does not allow the change
   */
  async transition(id: string, to: ContainerStatus, options: TransitionOptions = {}): Promise<ContainerRow> {
    const row = await this.tryTransition(id, to, options);
    if (row !== null) return row;
    const present = await this.containers.findById(id);
    if (present === null) throw options.lease === undefined ? containerNotFound(id) : new NotHeldError(id);
    if (options.lease !== undefined && (present.fence !== options.lease.fence || present.status === 'deleting'))
      throw new NotHeldError(id);
    throw invalidState(present.status, to);
  }

  /** As {@link transition}, but returns null where that throws. */
  async tryTransition(
    id: string,
    to: ContainerStatus,
    { reason, patch, ...rest }: TransitionOptions = {},
  ): Promise<ContainerRow | null> {
    const row = await this.containers.transition(id, {
      from: statusesBefore(to),
      to,
      patch: { ...patch, statusReason: reason ?? null },
      ...rest,
    });
    if (row !== null) this.changed(row);
    return row;
  }

  /** Writes columns without a change of status. @throws NotHeldError when the lease is lost */
  async update(id: string, patch: ContainerPatch, lease: Lease): Promise<ContainerRow> {
    const row = await this.containers.update(id, patch, lease);
    if (row === null) throw new NotHeldError(id);
    this.changed(row);
    return row;
  }

  /** Writes the progress of a job. @returns null when the lease is lost */
  async updateJob(
    container: { id: string; ownerId: string },
    jobId: string,
    patch: JobPatch,
    lease: Lease,
  ): Promise<JobRow | null> {
    const job = await this.jobs.update(jobId, patch, lease);
    if (job !== null) this.changed(container);
    return job;
  }

  changed(container: { id: string; ownerId: string }): void {
    this.events.emit('container.changed', { containerId: container.id, ownerId: container.ownerId });
  }
}
