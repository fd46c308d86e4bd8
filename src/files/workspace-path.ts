import { DomainError } from '../common/errors/domain-error.js';
import { validationFailed } from '../http/validation.js';

const ROOT = 'workspace';
/** Bytes; what Linux takes. */
const LONGEST_NAME = 255;

/**
 * A path as clients write it, absolute or relative to the workspace, in the one form that the container is asked with:
 * relative, empty for the workspace itself, with a slash at its end if it had one.
 * @throws DomainError `path_outside_workspace`, `validation_failed`
 */
export function toWorkspacePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') && parts.shift() !== ROOT) throw outside('An absolute path must begin with /workspace.');
  if (parts.includes('..')) throw outside('The path must not have "..".');
  if (parts.some((part) => Buffer.byteLength(part) > LONGEST_NAME))
    throw notValid(`must not have names of more than ${LONGEST_NAME} bytes`);
  return parts.length > 0 && /\/\.?$/.test(path) ? `${parts.join('/')}/` : parts.join('/');
}

export function notValid(message: string): DomainError {
  return validationFailed([{ field: 'path', messages: [message] }]);
}

function outside(message: string): DomainError {
  return new DomainError('path_outside_workspace', message);
}
