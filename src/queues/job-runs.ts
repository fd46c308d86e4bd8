import { TypedChannel } from '../common/typed-channel.js';
import type { JobName } from '../persistence/types.js';

export interface JobRun {
  name: JobName;
  /** `postponed` and `retry` run again; `error` is a run that ended with an unexpected exception. */
  outcome: 'done' | 'postponed' | 'retry' | 'failed' | 'error';
  seconds: number;
}

/** Receives every run of a job when it has ended. */
export const jobRuns = new TypedChannel<JobRun>('devforge.job-run');
