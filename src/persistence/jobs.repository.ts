import type { JobPatch, JobRow } from './containers.repository.js';

export abstract class JobsRepository {
  abstract findById(id: string): Promise<JobRow | null>;
  abstract findByIds(ids: string[]): Promise<JobRow[]>;
  /** @returns the row as it is now, or null when it is gone */
  abstract update(id: string, patch: JobPatch): Promise<JobRow | null>;
}
