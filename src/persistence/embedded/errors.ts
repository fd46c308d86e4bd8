/** Stable reasons why the embedded server cannot run. The message of each error says how to fix it. */
export type EmbeddedPostgresErrorCode =
  /** no build of PostgreSQL for this operating system or processor */
  | 'PLATFORM_UNSUPPORTED'
  /** the npm package with the binaries is not installed */
  | 'BINARIES_MISSING'
  /** the binaries are there, but cannot be executed or copied */
  | 'BINARIES_UNUSABLE'
  /** running as root, and no unprivileged system user exists or can be created */
  | 'SYSTEM_USER_MISSING'
  /** the data directory cannot be created or written */
  | 'DATA_DIR_UNWRITABLE'
  /** the user that owns the database cannot access it any more */
  | 'DATA_DIR_UNREACHABLE'
  /** the database belongs to another user of this machine */
  | 'CLUSTER_WRONG_OWNER'
  /** the path of the database is something else */
  | 'CLUSTER_INVALID'
  /** the database was created by another major version of PostgreSQL */
  | 'CLUSTER_VERSION'
  /** the data directory links to a database that does not exist */
  | 'CLUSTER_GONE'
  /** another data directory points to the same database */
  | 'CLUSTER_SHARED'
  /** the directory for the socket is accessible to other users */
  | 'SOCKET_DIR_UNSAFE'
  /** another process kept the start lock for too long */
  | 'LOCK_TIMEOUT'
  | 'INITDB_FAILED'
  | 'START_FAILED'
  | 'START_TIMEOUT'
  /** the server runs but does not listen on its socket */
  | 'SERVER_UNREACHABLE'
  /** the server runs but refuses the connection */
  | 'CONNECT_FAILED'
  | 'STOP_FAILED';

/** Every expected failure of the embedded server. */
export class EmbeddedPostgresError extends Error {
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedPostgresError';
    this.code = code;
  }
}

/** The `errno` name of a system error (`ENOENT`), or the SQLSTATE of a PostgreSQL error (`3D000`). */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Handler for a rejected promise: returns undefined for the given system errors, rethrows any other. */
export function ignoring(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (codes.includes(errorCode(error) ?? '')) return undefined;
    throw error;
  };
}
