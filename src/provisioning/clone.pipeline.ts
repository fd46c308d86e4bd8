import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { ContainerStore } from '../containers/lifecycle/container-store.js';
import type { Pipeline } from './provisioning-runner.js';
import type { ProvisioningStep, StepContext } from './step.js';
import { CloneRepositoryStep } from './steps/clone-repository.step.js';
import { ResumeWorkspaceStep } from './steps/resume-workspace.step.js';

/** Clones the repository into the workspace of a started container. */
@Injectable()
export class ClonePipeline implements Pipeline {
  readonly steps: readonly ProvisioningStep[];

  constructor(
    resume: ResumeWorkspaceStep,
    clone: CloneRepositoryStep,
    private readonly store: ContainerStore,
    private readonly clock: Clock,
  ) {
    this.steps = [resume, clone];
  }

  async finish({ row, jobId, lease, unwritten }: StepContext): Promise<() => void> {
    await this.store.transition(row.id, 'running', {
      lease,
      patch: unwritten,
      job: { id: jobId, patch: { state: 'completed', progress: 100, message: null, finishedAt: this.clock.now() } },
    });
    return () => undefined;
  }
}
