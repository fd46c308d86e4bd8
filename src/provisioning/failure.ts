import { NotHeldError } from '../containers/lifecycle/container-store.js';
import { JobFailure } from '../common/errors/job-failure.js';
import { isDatabaseUnavailable, isOutOfDisk } from '../persistence/database-error.js';
import type { JobError } from '../persistence/types.js';
import { DriverError, type DriverErrorCode } from '../drivers/driver-error.js';

/** The consequence of an error in a step for its job. */
export type FailureKind =
  /** Another worker has the container, or it is being deleted: nothing is left to do. */
  | { kind: 'dropped' }
  /** The engine or the database is unavailable. The job waits without counting an attempt. */
  | { kind: 'waiting'; error: JobError }
  /** The job failed; the error says whether a retry may succeed. */
  | { kind: 'failed'; error: JobError };

const OF_DRIVER: Record<Exclude<DriverErrorCode, 'unavailable' | 'aborted'>, { code: string; retryable: boolean }> = {
  failed: { code: 'engine_failed', retryable: true },
  timed_out: { code: 'command_timed_out', retryable: true },
  not_found: { code: 'engine_object_missing', retryable: true },
  conflict: { code: 'engine_conflict', retryable: true },
  foreign: { code: 'foreign_object', retryable: false },
  invalid: { code: 'engine_refused', retryable: false },
  out_of_disk: { code: 'out_of_disk', retryable: false },
  output_limit: { code: 'output_limit_exceeded', retryable: false },
  outdated: { code: 'engine_refused', retryable: false },
  build_failed: { code: 'image_build_failed', retryable: false },
};

export const ENGINE_AWAY: FailureKind = {
  kind: 'waiting',
  error: {
    code: 'engine_unavailable',
    message: 'The container engine does not answer; the job continues when it does.',
    retryable: true,
  },
};

export function classifyFailure(error: unknown): FailureKind {
  if (error instanceof NotHeldError) return { kind: 'dropped' };
  if (error instanceof JobFailure) {
    const { code, message, retryable, output } = error;
    return { kind: 'failed', error: { code, message, retryable, ...(output === undefined ? {} : { output }) } };
  }
  if (error instanceof DriverError) return ofDriverError(error);
  if (isOutOfDisk(error))
    return {
      kind: 'waiting',
      error: { code: 'out_of_disk', message: 'The database has no space left on its disk.', retryable: true },
    };
  if (isDatabaseUnavailable(error))
    return {
      kind: 'waiting',
      error: { code: 'database_unavailable', message: 'The database does not answer.', retryable: true },
    };
  return {
    kind: 'failed',
    error: {
      code: 'internal_error',
      message: 'Something went wrong in DevForge; the log has the details.',
      retryable: true,
    },
  };
}

function ofDriverError(error: DriverError): FailureKind {
  if (error.code === 'aborted') return { kind: 'dropped' };
  if (error.code === 'unavailable') return ENGINE_AWAY;
  const { output } = error.details;
  return {
    kind: 'failed',
    error: { ...OF_DRIVER[error.code], message: error.message, ...(output === undefined ? {} : { output }) },
  };
}
