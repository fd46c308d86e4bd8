import type { Processor } from '@nestjs/bullmq';
import type { DefaultJobOptions } from 'bullmq';

type WorkerOptions = Parameters<typeof Processor>[1];

/** Failures for a passing cause after which a job is given up. */
export const MAX_FAILURES = 6;

/** A job that failed is tried again after 1, 2, 4, 8 and 16 seconds. */
export const JOB_OPTIONS: DefaultJobOptions = {
  attempts: MAX_FAILURES,
  backoff: { type: 'exponential', delay: 1_000 },
  // The rows are the record; an id that is free again can be asked for again.
  removeOnComplete: true,
  removeOnFail: true,
};

/**
 * A worker that dies leaves its job locked: a short lock lets another one go on soon. The job is never
 * given up for that, however often it happens.
 */
const RECOVERY = { lockDuration: 10_000, stalledInterval: 3_000, maxStalledCount: 1_000_000 } as const;

export function workerOptions(concurrency: number): NonNullable<WorkerOptions> {
  return { ...RECOVERY, concurrency };
}
