import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { credentialJustGone } from '../../credentials/credential-errors.js';
import { DomainEvents } from '../../events/domain-events.js';
import {
  type ContainerPatch,
  type ContainerRow,
  ContainersRepository,
  type JobPatch,
  type JobRow,
  type Lease,
  type SpecPatch,
  type Transition,
} from '../../persistence/containers/containers.repository.js';
import { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import type { AuditAction, ContainerStatus, StatusReason } from '../../persistence/types.js';
import { containerNotFound, invalidState, nameTaken } from '../../workspace/container-errors.js';
import { statusesBefore } from './state-table.js';
import { EVERYTHING } from '../../persistence/everything.js';

/** The lease is lost or the container is being deleted: the work on it must stop. */
export class NotHeldError extends Error {
  /** @param status of the container now; null when it is gone */
  constructor(
    readonly containerId: string,
    readonly status?: ContainerStatus | null,
  ) {
    super(`The container ${containerId} is no longer held by this worker`);
  }
}

/** What a client is told whose request was overtaken, as a start by a deletion. */
export function notHeldToDomainError(error: unknown): DomainError | undefined {
  if (!(error instanceof NotHeldError)) return undefined;
  const { containerId, status } = error;
  if (status === null) return containerNotFound(containerId);
  if (status === 'deleting')
    return new DomainError('invalid_state', 'The container is being deleted.', {
      extensions: { currentStatus: status },
      cause: error,
    });
  return new DomainError('busy', 'Another operation took the container over; try again shortly.', {
    retryAfterSeconds: 1,
    cause: error,
  });
}

export interface TransitionOptions extends Pick<Transition, 'lease' | 'quietSince' | 'job' | 'newJob' | 'audit'> {
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
    const present = await this.containers.findById(id, EVERYTHING);
    if (present === null) throw options.lease === undefined ? containerNotFound(id) : new NotHeldError(id, null);
    if (options.lease !== undefined && (present.fence !== options.lease.fence || present.status === 'deleting'))
      throw new NotHeldError(id, present.status);
    throw invalidState(present.status, to);
  }

  /** Whether the work under the lease may go on. @throws NotHeldError when it may not */
  async requireHeld(id: string, lease: Lease): Promise<void> {
    const present = await this.containers.findById(id, EVERYTHING);
    if (present === null || present.fence !== lease.fence || present.status === 'deleting')
      throw new NotHeldError(id, present?.status ?? null);
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
    if (row === null) throw await this.notHeld(id);
    this.changed(row);
    return row;
  }

  /** Changes the spec. @throws NotHeldError when the lease is lost @throws DomainError `name_taken`, `credential_not_found` */
  async changeSpec(id: string, patch: SpecPatch, lease: Lease, action?: AuditAction): Promise<ContainerRow> {
    const row = await this.containers.changeSpec(id, patch, lease, action);
    if (row === 'name_taken') throw nameTaken(patch.name!);
    if (row === 'credential_not_found') throw credentialJustGone();
    if (row === null) throw await this.notHeld(id);
    this.changed(row);
    return row;
  }

  /** Writes the progress of a job. @returns null when the lease is lost */
  async updateJob(
    container: { id: string; projectId: string },
    jobId: string,
    patch: JobPatch,
    lease: Lease,
  ): Promise<JobRow | null> {
    const job = await this.jobs.update(jobId, patch, lease);
    if (job !== null) this.changed(container);
    return job;
  }

  changed(container: { id: string; projectId: string }): void {
    this.events.emit('container.changed', { containerId: container.id, projectId: container.projectId });
  }

  private async notHeld(id: string): Promise<NotHeldError> {
    return new NotHeldError(id, (await this.containers.findById(id, EVERYTHING))?.status ?? null);
  }
}
