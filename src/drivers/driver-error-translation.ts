import { DomainError } from '../common/errors/domain-error.js';
import { DriverError } from './driver-error.js';

/** The error that a client gets when the engine failed during its request. */
export function driverErrorToDomainError(error: unknown): DomainError | undefined {
  if (!(error instanceof DriverError)) return undefined;
  if (error.code === 'unavailable') {
    return new DomainError('engine_unavailable', 'The container engine does not answer; nothing was changed.', {
      cause: error,
      retryAfterSeconds: 5,
    });
  }
  if (error.code === 'output_limit') return new DomainError('output_limit_exceeded', error.message, { cause: error });
  if (error.code === 'out_of_disk')
    return new DomainError('out_of_disk', 'The container engine has no space left on its disk.', { cause: error });
  return new DomainError('engine_error', error.message, { cause: error });
}
