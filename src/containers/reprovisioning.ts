import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Ids } from '../common/ids.js';
import type { ContainerRow, Lease } from '../persistence/containers.repository.js';
import { ProvisioningQueue } from '../queues/provisioning-queue.js';
import { ContainerStore } from './container-store.js';
import { newJob } from './new-job.js';

/** Sends a container through its `create` job again; every step finds what is there already. */
@Injectable()
export class Reprovisioning {
  constructor(
    private readonly store: ContainerStore,
    private readonly queue: ProvisioningQueue,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  async begin(row: ContainerRow, lease: Lease): Promise<ContainerRow> {
    const job = newJob(this.ids.next(), 'create', row, this.clock.now());
    const queued = await this.store.transition(row.id, 'queued', {
      lease,
      newJob: job,
      patch: { desiredRunning: true, jobId: job.id },
    });
    this.queue.wake('create', { jobId: job.id, containerId: row.id });
    return queued;
  }
}
