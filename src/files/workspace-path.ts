import { DomainError } from '../common/errors/domain-error.js';
import { validationFailed } from '../http/validation/validation.js';

const ROOT = 'workspace';
/** Bytes; the limit of Linux. */
const MAX_NAME_BYTES = 255;

/**
 * Normalises a client's path, absolute or relative to the workspace, to the form that the file helper takes: relative,
 * empty for the workspace itself, with a trailing slash if it had one.
 * @throws DomainError `path_outside_workspace`, `validation_failed`
 */
export function toWorkspacePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') && parts.shift() !== ROOT) throw outside('An absolute path must begin with /workspace.');
  if (parts.includes('..')) throw outside('The path must not contain "..".');
  if (parts.some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES))
    throw notValid(`must not contain names of more than ${MAX_NAME_BYTES} bytes`);
  return parts.length > 0 && /\/\.?$/.test(path) ? `${parts.join('/')}/` : parts.join('/');
}

export function notValid(message: string): DomainError {
  return validationFailed([{ field: 'path', messages: [message] }]);
}

function outside(message: string): DomainError {
  return new DomainError('path_outside_workspace', message);
}
