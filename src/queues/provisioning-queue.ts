import type { JobName } from '../persistence/types.js';
import type { JobMap } from './job-map.js';

/** Wakes the workers. Lost wake-ups lose no work: the rows of the jobs say what is to be done. */
export abstract class ProvisioningQueue {
  /**
   * Requests that a worker runs the job. Requests with the same `wakeId` are merged.
   * Returns at once. When the queue is unavailable this is logged, and the reconciler requests it again later.
   */
  abstract wake<Name extends JobName>(name: Name, data: JobMap[Name]['data'], wakeId?: string): void;
  /** @throws Error when the store of the queue does not answer within two seconds */
  abstract ping(): Promise<void>;
}
