import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { IdGenerator } from '../common/id-generator.js';
import { newJob } from '../containers/lifecycle/new-job.js';
import { ContainerStore } from '../containers/lifecycle/container-store.js';
import { ProvisioningQueue } from '../queues/provisioning-queue.js';
import type { Pipeline } from './provisioning-runner.js';
import type { ProvisioningStep, StepContext } from './step.js';
import { CreateWorkspaceStep } from './steps/create-workspace.step.js';
import { EnsureImageStep } from './steps/ensure-image.step.js';
import { EnsureNetworkStep } from './steps/ensure-network.step.js';
import { StartGitAgentStep } from './steps/start-git-agent.step.js';
import { StartWorkspaceStep } from './steps/start-workspace.step.js';

/** The steps in their order; a module's providers and the pipeline's own list are one. */
export const CREATE_STEPS = [
  EnsureImageStep,
  EnsureNetworkStep,
  StartGitAgentStep,
  CreateWorkspaceStep,
  StartWorkspaceStep,
] as const;

/** Injection token of the steps, made. */
export abstract class CreateSteps extends Array<ProvisioningStep> {}

/** From an accepted request to a running container; a repository still to be cloned gets a job of its own. */
@Injectable()
export class CreatePipeline implements Pipeline {
  readonly steps: readonly ProvisioningStep[];

  constructor(
    steps: CreateSteps,
    private readonly store: ContainerStore,
    private readonly queue: ProvisioningQueue,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {
    this.steps = steps;
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
