import type { JobName } from '../persistence/types.js';

/** Identifies the row of the job. Everything else is read from the database when the job runs. */
export interface ProvisioningJobData {
  jobId: string;
  containerId: string;
}

/** Job name to its data and result. Each job has a queue of the same name. */
export interface JobMap {
  create: { data: ProvisioningJobData; result: void };
  clone: { data: ProvisioningJobData; result: void };
}

export const QUEUE_NAMES = ['create', 'clone'] as const satisfies readonly JobName[];
/** Prefix of BullMQ's keys in Redis. */
export const QUEUE_PREFIX = 'devforge';
