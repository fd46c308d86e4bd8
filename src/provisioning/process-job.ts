import { giveUp, postpone, type ProvisioningJob } from '../queues/job-control.js';
import type { Pipeline, ProvisioningRunner } from './provisioning-runner.js';

/** Runs a job's pipeline and tells BullMQ how it went. */
export async function processJob(runner: ProvisioningRunner, pipeline: Pipeline, job: ProvisioningJob, token?: string): Promise<void> {
  const outcome = await runner.run(job.data, pipeline);
  switch (outcome.kind) {
    case 'done':
      return;
    case 'postponed':
      return postpone(job, token, outcome.delayMs);
    case 'retry':
      throw new Error(outcome.error.message);
    case 'failed':
      return giveUp(outcome.error.message);
  }
}
