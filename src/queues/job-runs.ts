import { TypedChannel } from '../common/typed-channel.js';
import type { JobName } from '../persistence/types.js';

export interface JobRun {
  name: JobName;
  /** `postponed` and `retry` come again; `error` is a run that broke off without saying why. */
  outcome: 'done' | 'postponed' | 'retry' | 'failed' | 'error';
  seconds: number;
}

/** Every run of a job once it is over. */
export const jobRuns = new TypedChannel<JobRun>('devforge.job-run');
