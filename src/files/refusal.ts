import { DomainError } from '../common/errors/domain-error.js';
import type { ErrorCode } from '../common/errors/error-codes.js';
import { plainText } from '../common/plain-text.js';
import { notValid } from './workspace-path.js';

/** An error answer of the helper in the container. */
export interface FileRefusal {
  code: string;
  message: string;
}

const CODES: readonly ErrorCode[] = [
  'path_outside_workspace',
  'tar_refused',
  'file_not_accessible',
  'file_not_found',
  'is_a_directory',
  'not_a_directory',
  'special_file',
  'precondition_failed',
  'busy',
  'payload_too_large',
  'disk_full',
];

const MAX_MESSAGE_LENGTH = 4_096;

export function toDomainError({ code, message: given }: FileRefusal): DomainError {
  const message = plainText(String(given), MAX_MESSAGE_LENGTH);
  if (code === 'path_not_valid') return notValid(message);
  const known = CODES.find((each) => each === code);
  return new DomainError(known ?? 'workspace_tool_failed', message);
}
