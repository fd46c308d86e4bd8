import { Injectable } from '@nestjs/common';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import { Presence } from '../../persistence/presence.js';
import { ProvisioningQueue } from '../../queues/provisioning-queue.js';
import type { HeldContainerLease } from '../../leases/container-leases.js';
import { ContainerLifecycleService } from '../lifecycle/container-lifecycle.service.js';
import { ContainerRemoval } from '../lifecycle/container-removal.js';
import type { Decision } from './reconcile-decision.js';
import { ReprovisionService } from '../lifecycle/reprovision.service.js';

/** The repairs that are more than a mark in the row. */
@Injectable()
export class ContainerRepairs {
  constructor(
    private readonly lifecycle: ContainerLifecycleService,
    private readonly removal: ContainerRemoval,
    private readonly reprovisioning: ReprovisionService,
    private readonly queue: ProvisioningQueue,
    private readonly jobs: JobsRepository,
    private readonly presence: Presence,
  ) {}

  /** Asks once per process and job: what another process was asked before may be lost with it. */
  async wake(row: ContainerRow): Promise<void> {
    const job = row.jobId === null ? null : await this.jobs.findById(row.jobId);
    if (job !== null)
      this.queue.wake(job.name, { jobId: job.id, containerId: row.id }, `${job.id}.${this.presence.holder}`);
  }

  async repair(what: Exclude<Decision['do'], 'nothing' | 'mark'>, row: ContainerRow, held: HeldContainerLease): Promise<void> {
    const { lease } = held;
    switch (what) {
      case 'wake':
        return this.wake(row);
      case 'reprovision':
        await this.reprovisioning.begin(row, lease);
        return;
      case 'restart':
        await this.lifecycle.startStopped(row, held);
        return;
      case 'finish-stop':
        await this.lifecycle.finishStop(row, lease);
        return;
      case 'finish-removal':
        await this.removal.remove(row, lease);
    }
  }
}
