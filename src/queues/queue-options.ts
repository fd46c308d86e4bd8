import type { Processor } from '@nestjs/bullmq';
import type { DefaultJobOptions } from 'bullmq';

type WorkerOptions = Parameters<typeof Processor>[1];

/** Attempts of a job that fails for a temporary reason. */
export const MAX_FAILURES = 6;

/** A failed job is retried after 1, 2, 4, 8 and 16 seconds. */
export const JOB_OPTIONS: DefaultJobOptions = {
  attempts: MAX_FAILURES,
  backoff: { type: 'exponential', delay: 1_000 },
  // The history is in the database; removed jobs free their ids for the next request.
  removeOnComplete: true,
  removeOnFail: true,
};

/**
 * The job of a worker that dies stays locked until the lock expires, so a short lock lets another worker continue soon.
 * However often that happens, the job does not fail for it.
 */
const RECOVERY = { lockDuration: 10_000, stalledInterval: 3_000, maxStalledCount: 1_000_000 } as const;

export function workerOptions(concurrency: number): NonNullable<WorkerOptions> {
  return { ...RECOVERY, concurrency };
}
