import { DomainError } from '../common/errors/domain-error.js';

interface PostgresErrorShape {
  code?: string;
  syscall?: string;
  constraint?: string;
  cause?: unknown;
}

const UNIQUE_VIOLATION = '23505';
/** SQLSTATE classes and Node error codes that mean the server is away, not that the query is wrong. */
const AWAY = /^(08|57P0|53300|ECONN|ENOENT|EPIPE|ETIMEDOUT)/;
/** Files are missed with the same codes. */
const OF_A_CONNECTION = /^(connect|read|write)$/;
const AWAY_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/;

/** The unique constraint a query ran into. */
export function violatedConstraint(error: unknown): string | undefined {
  const origin = originOf(error);
  return origin.code === UNIQUE_VIOLATION ? origin.constraint : undefined;
}

/** Drizzle wraps what the driver throws. */
function originOf(error: unknown): PostgresErrorShape {
  const shape = (typeof error === 'object' && error !== null ? error : {}) as PostgresErrorShape;
  return shape.code === undefined && shape.cause !== undefined ? originOf(shape.cause) : shape;
}

export function isDatabaseUnavailable(error: unknown): boolean {
  const { code, syscall } = originOf(error);
  return (
    (code !== undefined && AWAY.test(code) && (syscall === undefined || OF_A_CONNECTION.test(syscall))) ||
    AWAY_MESSAGE.test(messageOf(error))
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messageOf(error.cause)}` : '';
}

/** An error that tells clients to come back, when the server is away. */
export function databaseErrorToDomainError(error: unknown): DomainError | undefined {
  return isDatabaseUnavailable(error)
    ? new DomainError('database_unavailable', 'The database does not answer.', { cause: error })
    : undefined;
}
