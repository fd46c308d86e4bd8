import { DomainError } from '../common/errors/domain-error.js';

interface PostgresErrorShape {
  code?: string;
  syscall?: string;
  constraint?: string;
  cause?: unknown;
}

const UNIQUE_VIOLATION = '23505';
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

function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : '';
}

/** @returns `database_unavailable`, which clients may retry, or undefined for other errors */
export function databaseErrorToDomainError(error: unknown): DomainError | undefined {
  return isDatabaseUnavailable(error)
    ? new DomainError('database_unavailable', 'The database does not answer.', { cause: error })
    : undefined;
}
