import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import type { ProvisioningJobData } from './job-map.js';

export type ProvisioningJob = Job<ProvisioningJobData, void>;

/** Delays the job by `delayMs` without counting an attempt. Never returns. */
export async function postpone(job: Job, token: string | undefined, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}

/** Fails the job without further attempts. Never returns. */
export function giveUp(message: string): never {
  throw new UnrecoverableError(message);
}
