import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../common/time/clock.js';
import { ContainerLeases, type HeldContainerLease } from '../leases/container-leases.js';
import { ContainerStore } from '../containers/lifecycle/container-store.js';
import { jobPhase } from '../containers/lifecycle/job-phase.js';
import {
  type ContainerRow,
  ContainersRepository,
  type JobRow,
} from '../persistence/containers/containers.repository.js';
import { JobsRepository } from '../persistence/containers/jobs.repository.js';
import type { JobError, JobName } from '../persistence/types.js';
import type { ProvisioningJobData } from '../queues/job-map.js';
import { MAX_FAILURES } from '../queues/queue-options.js';
import { classifyFailure, ENGINE_AWAY, type FailureKind } from './failure.js';
import { FailedWorkspace } from './failed-workspace.js';
import type { Part, ProvisioningStep, StepContext } from './step.js';
import { StepTracker } from './step-tracker.js';
import { EVERYTHING } from '../persistence/everything.js';

const BUSY_RETRY_MS = 250;
const AWAY_RETRY_MS = 2_000;
const SHUTDOWN_RETRY_MS = 1_000;

export interface Pipeline {
  /** The queue whose jobs it runs. */
  phase: JobName;
  steps: readonly ProvisioningStep[];
  /** Which part of the container's job the steps are. */
  partOf(row: ContainerRow): Part;
  /** Writes the outcome of the last step. @returns what to do once the lease is released */
  finish(context: StepContext): Promise<() => void>;
}

export type Outcome =
  | { kind: 'done' }
  /** Run again later; this does not count as an attempt. */
  | { kind: 'postponed'; delayMs: number }
  | { kind: 'retry'; error: JobError }
  | { kind: 'failed'; error: JobError };

/** Runs the steps of a job for its container, and writes the outcome. */
@Injectable()
export class ProvisioningRunner implements OnModuleDestroy {
  private readonly stopping = new AbortController();

  constructor(
    private readonly containers: ContainersRepository,
    private readonly jobs: JobsRepository,
    private readonly store: ContainerStore,
    private readonly leases: ContainerLeases,
    private readonly failedWorkspace: FailedWorkspace,
    private readonly clock: Clock,
    @InjectPinoLogger(ProvisioningRunner.name) private readonly logger: PinoLogger,
  ) {}

  /** Running jobs are postponed; the next process continues them. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  async run(data: ProvisioningJobData, pipeline: Pipeline): Promise<Outcome> {
    let afterwards: () => void = () => undefined;
    const outcome = await this.leases.tryWithLease(data.containerId, async (held): Promise<Outcome> => {
      const pending = await this.pending(data, pipeline);
      if (pending === null) return { kind: 'done' };
      const signal = AbortSignal.any([held.signal, this.stopping.signal]);
      const part = pipeline.partOf(pending.container);
      const tracker = new StepTracker(this.store, pending, { lease: held.lease, signal }, part);
      try {
        afterwards = await this.work(pipeline, tracker);
        return { kind: 'done' };
      } catch (error) {
        return await this.settle(error, pending.job, tracker, held);
      }
    });
    afterwards();
    if (outcome !== undefined) return outcome;
    // Another worker holds the lease, or the container is gone.
    return (await this.pending(data, pipeline)) === null
      ? { kind: 'done' }
      : { kind: 'postponed', delayMs: BUSY_RETRY_MS };
  }

  /** The rows; null when the job is finished, replaced or in another phase, or the container is being deleted. */
  private async pending(
    { jobId, containerId }: ProvisioningJobData,
    { phase }: Pipeline,
  ): Promise<{ job: JobRow; container: ContainerRow } | null> {
    const [job, container] = await Promise.all([
      this.jobs.findById(jobId, EVERYTHING),
      this.containers.findById(containerId, EVERYTHING),
    ]);
    if (job === null || container === null || job.finishedAt !== null) return null;
    if (container.jobId !== jobId || container.status === 'deleting') return null;
    return jobPhase(container) === phase ? { job, container } : null;
  }

  private async work(pipeline: Pipeline, tracker: StepTracker): Promise<() => void> {
    for (const step of pipeline.steps) await tracker.run(step);
    return pipeline.finish(tracker.context);
  }

  private async settle(
    error: unknown,
    job: JobRow,
    { container, step }: StepTracker,
    held: HeldContainerLease,
  ): Promise<Outcome> {
    if (this.stopping.signal.aborted) return { kind: 'postponed', delayMs: SHUTDOWN_RETRY_MS };
    const failure = held.signal.aborted ? ({ kind: 'dropped' } as const) : await this.classify(error);
    if (failure.kind === 'dropped') return { kind: 'done' };

    this.logger.warn(
      { err: error, containerId: container.id, jobId: job.id, code: failure.error.code },
      'A provisioning step failed',
    );
    const reason = { code: failure.error.code, message: failure.error.message };
    const failures = job.failures + (failure.kind === 'waiting' ? 0 : 1);
    if (failure.kind === 'waiting' || (failure.error.retryable && failures < MAX_FAILURES)) {
      await this.store.tryTransition(container.id, container.status, {
        lease: held.lease,
        reason,
        job: { id: job.id, patch: { step, state: 'queued', failures, error: failure.error } },
      });
      return failure.kind === 'waiting'
        ? { kind: 'postponed', delayMs: AWAY_RETRY_MS }
        : { kind: 'retry', error: failure.error };
    }
    await this.store.tryTransition(container.id, 'failed', {
      lease: held.lease,
      reason,
      job: {
        id: job.id,
        patch: { step, state: 'failed', failures, error: failure.error, finishedAt: this.clock.now() },
      },
    });
    await this.failedWorkspace.stop(container);
    return { kind: 'failed', error: failure.error };
  }

  /** When even a ping fails the engine counts as unavailable, and the job waits; otherwise the one call has failed. */
  private async classify(error: unknown): Promise<FailureKind> {
    const failure = classifyFailure(error);
    if (failure.kind !== 'failed' || failure.error.code !== 'engine_failed') return failure;
    return (await this.failedWorkspace.engineAnswers()) ? failure : ENGINE_AWAY;
  }
}
