import type { JobName } from '../persistence/types.js';

/** Which row a wake-up is about. All else is read from the database when the job runs. */
export interface ProvisioningJobData {
  jobId: string;
  containerId: string;
}

/** Job name to what it carries and what it yields. A queue of the same name holds each. */
export interface JobMap {
  create: { data: ProvisioningJobData; result: void };
  clone: { data: ProvisioningJobData; result: void };
}

export const QUEUE_NAMES = ['create', 'clone'] as const satisfies readonly JobName[];
/** Namespace of everything that BullMQ keeps: key prefix on Redis. */
export const QUEUE_PREFIX = 'devforge';
