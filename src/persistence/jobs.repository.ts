import type { JobPatch, JobRow, Lease } from './containers.repository.js';

export abstract class JobsRepository {
  abstract findById(id: string): Promise<JobRow | null>;
  abstract findByIds(ids: string[]): Promise<JobRow[]>;
  /**
   * @param lease on the job's container; when given, a writer that lost it is refused
   * @returns the row as it is now, or null when it is gone or the writer is refused
   */
  abstract update(id: string, patch: JobPatch, lease?: Lease): Promise<JobRow | null>;
}
