import { Injectable } from '@nestjs/common';
import type { HeldContainerLease } from '../../leases/container-leases.js';
import type { ContainerRow, Lease } from '../../persistence/containers/containers.repository.js';
import { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import { Presence } from '../../persistence/presence.js';
import { ProvisioningQueue } from '../../queues/provisioning-queue.js';
import { ContainerPower } from '../lifecycle/container-power.js';
import { ContainerRemoval } from '../lifecycle/container-removal.js';
import { ContainerStore } from '../lifecycle/container-store.js';
import { jobPhase } from '../lifecycle/job-phase.js';
import { ReprovisionService } from '../lifecycle/reprovision.service.js';
import type { Decision } from './reconcile-decision.js';

/** Carries out what the reconciler decided. */
@Injectable()
export class ContainerRepairs {
  constructor(
    private readonly power: ContainerPower,
    private readonly removal: ContainerRemoval,
    private readonly reprovisioning: ReprovisionService,
    private readonly store: ContainerStore,
    private readonly queue: ProvisioningQueue,
    private readonly jobs: JobsRepository,
    private readonly presence: Presence,
  ) {}

  /** Wakes the job's worker, once per process and job: a wake-up of a process that died may be lost. */
  async wake(row: ContainerRow): Promise<void> {
    const job = row.jobId === null ? null : await this.jobs.findById(row.jobId, [row.projectId]);
    if (job !== null)
      this.queue.wake(jobPhase(row), { jobId: job.id, containerId: row.id }, `${job.id}.${this.presence.holder}`);
  }

  async repair(
    decision: Exclude<Decision, { do: 'nothing' }>,
    row: ContainerRow,
    held: HeldContainerLease,
  ): Promise<void> {
    const { lease } = held;
    switch (decision.do) {
      case 'mark':
        await this.store.transition(row.id, decision.status, { lease, reason: decision.reason ?? undefined });
        return;
      case 'wake':
        return this.wake(row);
      case 'reprovision':
        await this.reprovisioning.begin(row, lease);
        return;
      case 'restart':
        await this.power.start(row, held);
        return;
      case 'finish-stop':
        await this.power.finishStop(row, lease);
        return;
      case 'finish-removal':
        await this.removal.finish(row, lease);
    }
  }

  /** The container was stopped on purpose outside DevForge, and stays stopped when the engine restarts. */
  async keepStopped(row: ContainerRow, lease: Lease): Promise<void> {
    await this.store.update(row.id, { desiredRunning: false }, lease);
  }
}
