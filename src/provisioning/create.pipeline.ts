import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { IdGenerator } from '../common/id-generator.js';
import { newJob } from '../containers/lifecycle/new-job.js';
import { ContainerStore } from '../containers/lifecycle/container-store.js';
import { ProvisioningQueue } from '../queues/provisioning-queue.js';
import type { Pipeline } from './provisioning-runner.js';
import type { ProvisioningStep, StepContext } from './step.js';
import { EnsureImageStep } from './steps/ensure-image.step.js';
import { EnsureWorkspaceStep } from './steps/ensure-workspace.step.js';
import { StartWorkspaceStep } from './steps/start-workspace.step.js';

/** Provisions a container until it runs; a repository still to be cloned gets a job of its own. */
@Injectable()
export class CreatePipeline implements Pipeline {
  readonly steps: readonly ProvisioningStep[];

  constructor(
    image: EnsureImageStep,
    workspace: EnsureWorkspaceStep,
    start: StartWorkspaceStep,
    private readonly store: ContainerStore,
    private readonly queue: ProvisioningQueue,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {
    this.steps = [image, workspace, start];
  }

  async finish({ row, jobId, lease, unwritten }: StepContext): Promise<() => void> {
    const now = this.clock.now();
    const job = { id: jobId, patch: { state: 'completed', progress: 100, message: null, finishedAt: now } } as const;
    if (row.repoType === 'empty' || row.workspaceReady) {
      await this.store.transition(row.id, 'running', {
        lease,
        job,
        patch: { ...unwritten, startedAt: now, workspaceReady: true },
      });
      return () => undefined;
    }
    const clone = newJob(this.ids.next(), 'clone', row, now);
    await this.store.transition(row.id, 'cloning', {
      lease,
      job,
      newJob: clone,
      patch: { ...unwritten, startedAt: now, jobId: clone.id },
    });
    return () => this.queue.wake('clone', { jobId: clone.id, containerId: row.id });
  }
}
