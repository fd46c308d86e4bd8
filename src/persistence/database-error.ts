import { DomainError } from '../common/errors/domain-error.js';
import { QuotaExceededError } from './containers/containers.repository.js';

interface PostgresErrorShape {
  code?: string;
  syscall?: string;
  constraint?: string;
  cause?: unknown;
}

const UNIQUE_VIOLATION = '23505';
export const DISK_FULL = '53100';
const FOREIGN_KEY_VIOLATION = '23503';
/** Characters that the database cannot store: NUL, and halves of surrogate pairs in JSON. */
const UNSTORABLE_TEXT = /^(?:22021|22P05)$/;
/** SQLSTATE classes and Node error codes of an unavailable server, as opposed to a query that is wrong. */
const UNAVAILABLE = /^(08|57P0|53300|ECONN|ENOENT|EPIPE|ETIMEDOUT)/;
/** System calls of connections. Calls on files fail with the same codes. */
const CONNECTION_SYSCALL = /^(connect|read|write)$/;
const UNAVAILABLE_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/;

/** The name of the unique constraint that the query violated, or undefined. */
export function violatedConstraint(error: unknown): string | undefined {
  const origin = originOf(error);
  return origin.code === UNIQUE_VIOLATION ? origin.constraint : undefined;
}

/** The name of the foreign key that the query violated, or undefined. */
export function violatedForeignKey(error: unknown): string | undefined {
  const origin = originOf(error);
  return origin.code === FOREIGN_KEY_VIOLATION ? origin.constraint : undefined;
}

/** The error of the driver, which Drizzle wraps. */
function originOf(error: unknown): PostgresErrorShape {
  const shape = (typeof error === 'object' && error !== null ? error : {}) as PostgresErrorShape;
  return shape.code === undefined && shape.cause !== undefined ? originOf(shape.cause) : shape;
}

/** Whether the query failed because the server cannot be reached or is shutting down. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const { code, syscall } = originOf(error);
  return (
    (code !== undefined && UNAVAILABLE.test(code) && (syscall === undefined || CONNECTION_SYSCALL.test(syscall))) ||
    UNAVAILABLE_MESSAGE.test(messagesOf(error))
  );
}

/** Whether the server has no space left for what was to be written. */
export function isOutOfDisk(error: unknown): boolean {
  const { code } = originOf(error);
  return code === DISK_FULL || code === 'ENOSPC';
}

function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : '';
}

/** @returns `quota_exceeded`; `database_unavailable` or `out_of_disk`, which clients may retry; or undefined */
export function databaseErrorToDomainError(error: unknown): DomainError | undefined {
  if (error instanceof QuotaExceededError)
    return new DomainError('quota_exceeded', error.message, { extensions: { ...error.exceeded } });
  if (isOutOfDisk(error))
    return new DomainError('out_of_disk', 'The database has no space left on its disk.', { cause: error });
  if (isDatabaseUnavailable(error))
    return new DomainError('database_unavailable', 'The database does not answer.', { cause: error });
  if (UNSTORABLE_TEXT.test(originOf(error).code ?? ''))
    return new DomainError('validation_failed', 'The request has a text with characters that cannot be stored.', {
      cause: error,
    });
  return undefined;
}
