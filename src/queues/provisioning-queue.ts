import type { JobName } from '../persistence/types.js';
import type { JobMap } from './job-map.js';

/** Wakes the workers. Losing every wake-up loses nothing: the rows say what is to be done. */
export abstract class ProvisioningQueue {
  /**
   * Asks for the job to be worked on. Asking twice for the same `wakeId` is asking once.
   * Returns at once; a queue that is away is logged, and the reconciler asks again.
   */
  abstract wake<Name extends JobName>(name: Name, data: JobMap[Name]['data'], wakeId?: string): void;
  /** @throws when the queue's store does not answer within two seconds */
  abstract ping(): Promise<void>;
}
