import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { CLONE_FROM_PERCENT } from '../containers/lifecycle/job-phase.js';
import { ContainerStore } from '../containers/lifecycle/container-store.js';
import { completed } from './completed.js';
import type { Pipeline } from './provisioning-runner.js';
import type { Part, ProvisioningStep, StepContext } from './step.js';
import { CloneRepositoryStep } from './steps/clone-repository.step.js';
import { SetUpWorkspaceStep } from './steps/set-up-workspace.step.js';
import { ResumeWorkspaceStep } from './steps/resume-workspace.step.js';

/** Clones the repository into the workspace of a started container, and runs its set-up. */
@Injectable()
export class ClonePipeline implements Pipeline {
  readonly phase = 'clone';
  readonly steps: readonly ProvisioningStep[];

  constructor(
    resume: ResumeWorkspaceStep,
    clone: CloneRepositoryStep,
    setUp: SetUpWorkspaceStep,
    private readonly store: ContainerStore,
    private readonly clock: Clock,
  ) {
    this.steps = [resume, clone, setUp];
  }

  partOf(): Part {
    return { from: CLONE_FROM_PERCENT, size: 100 - CLONE_FROM_PERCENT };
  }

  async finish({ row, jobId, lease, unwritten }: StepContext): Promise<() => void> {
    await this.store.transition(row.id, 'running', {
      lease,
      patch: unwritten,
      job: { id: jobId, patch: completed(this.clock.now()) },
    });
    return () => undefined;
  }
}
