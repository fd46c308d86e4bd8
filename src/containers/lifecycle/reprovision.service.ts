import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { IdGenerator } from '../../common/id-generator.js';
import type { ContainerRow, Lease, Transition } from '../../persistence/containers/containers.repository.js';
import { ProvisioningQueue } from '../../queues/provisioning-queue.js';
import { ContainerStore } from './container-store.js';
import { newJob } from './new-job.js';

/** Runs the `create` job of a container again; its steps find what exists already. */
@Injectable()
export class ReprovisionService {
  constructor(
    private readonly store: ContainerStore,
    private readonly queue: ProvisioningQueue,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /**
   * @param options.recreate replaces a workspace that exists, instead of taking it as it is
   * @param options.audit what it is for the caller who asked for it
   */
  async begin(
    row: ContainerRow,
    lease: Lease,
    { recreate = row.recreate, audit }: { recreate?: boolean; audit?: Transition['audit'] } = {},
  ): Promise<ContainerRow> {
    const job = newJob(this.ids.next(), row, this.clock.now());
    const queued = await this.store.transition(row.id, 'queued', {
      lease,
      newJob: job,
      ...(audit === undefined ? {} : { audit }),
      patch: { desiredRunning: true, jobId: job.id, recreate },
    });
    this.queue.wake('create', { jobId: job.id, containerId: row.id });
    return queued;
  }
}
