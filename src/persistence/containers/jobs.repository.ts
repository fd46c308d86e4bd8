import type { JobPatch, JobRow, Lease } from './containers.repository.js';
import type { JobName, JobState, Scope } from '../types.js';

export abstract class JobsRepository {
  abstract findById(id: string, scope: Scope): Promise<JobRow | null>;
  /** Those of containers that were found in the scope of the caller. */
  abstract findByIds(ids: string[]): Promise<JobRow[]>;
  /** Counts unfinished jobs by the queue that they are in, and state. Combinations without jobs are left out. */
  abstract countUnfinished(): Promise<{ name: JobName; state: JobState; count: number }[]>;
  /**
   * @param lease on the container of the job; nothing is written when it is lost
   * @returns the new row, or null when nothing was written
   */
  abstract update(id: string, patch: JobPatch, lease?: Lease): Promise<JobRow | null>;
}
