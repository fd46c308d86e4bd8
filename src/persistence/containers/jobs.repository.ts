import type { JobPatch, JobRow, Lease } from './containers.repository.js';
import type { JobName, JobState } from '../types.js';

export abstract class JobsRepository {
  abstract findById(id: string): Promise<JobRow | null>;
  abstract findByIds(ids: string[]): Promise<JobRow[]>;
  /** How many jobs are not finished, by name and state; what there is none of is left out. */
  abstract countUnfinished(): Promise<{ name: JobName; state: JobState; count: number }[]>;
  /**
   * @param lease on the job's container; when given, a writer that lost it is refused
   * @returns the row as it is now, or null when it is gone or the writer is refused
   */
  abstract update(id: string, patch: JobPatch, lease?: Lease): Promise<JobRow | null>;
}
