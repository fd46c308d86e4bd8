import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { CLONE_FROM_PERCENT, needsClone } from '../containers/lifecycle/job-phase.js';
import { ContainerStore } from '../containers/lifecycle/container-store.js';
import { ProvisioningQueue } from '../queues/provisioning-queue.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { completed } from './completed.js';
import type { Pipeline } from './provisioning-runner.js';
import type { Part, ProvisioningStep, StepContext } from './step.js';
import { EnsureImageStep } from './steps/ensure-image.step.js';
import { EnsureWorkspaceStep } from './steps/ensure-workspace.step.js';
import { ForkBranchStep } from './steps/fork-branch.step.js';
import { RestoreSnapshotStep } from './steps/restore-snapshot.step.js';
import { StartWorkspaceStep } from './steps/start-workspace.step.js';

/** Provisions a container until it runs; a repository still to be cloned is left to the clone's worker, in the same job. */
@Injectable()
export class CreatePipeline implements Pipeline {
  readonly phase = 'create';
  readonly steps: readonly ProvisioningStep[];

  constructor(
    image: EnsureImageStep,
    workspace: EnsureWorkspaceStep,
    restore: RestoreSnapshotStep,
    start: StartWorkspaceStep,
    branch: ForkBranchStep,
    private readonly store: ContainerStore,
    private readonly queue: ProvisioningQueue,
    private readonly clock: Clock,
  ) {
    this.steps = [image, workspace, restore, start, branch];
  }

  partOf(row: ContainerRow): Part {
    return { from: 0, size: needsClone(row) ? CLONE_FROM_PERCENT : 100 };
  }

  async finish({ row, jobId, lease, unwritten }: StepContext): Promise<() => void> {
    const startedAt = this.clock.now();
    if (!needsClone(row)) {
      await this.store.transition(row.id, 'running', {
        lease,
        job: { id: jobId, patch: completed(startedAt) },
        patch: { ...unwritten, startedAt, workspaceReady: true },
      });
      return () => undefined;
    }
    // Without a step: it waits for a worker again.
    const waits = { state: 'queued', step: null, progress: CLONE_FROM_PERCENT, message: null, failures: 0 } as const;
    await this.store.transition(row.id, 'cloning', {
      lease,
      job: { id: jobId, patch: waits },
      patch: { ...unwritten, startedAt },
    });
    return () => this.queue.wake('clone', { jobId, containerId: row.id });
  }
}
