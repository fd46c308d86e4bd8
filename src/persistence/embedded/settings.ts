/** The role of all connections, superuser of the cluster. */
export const SERVER_USER = 'devforge';
export const DATABASE = 'devforge';

/**
 * Settings that are fixed when a cluster is created.
 *
 * - The collation is the builtin C.UTF-8, so that order and case do not depend on the locales of the host.
 * - `trust` without a password: the socket is in a directory of mode 0700, which only the server's user and root can
 *   enter, who can read the files of the database anyway. A password would have to be stored beside them.
 *   TCP is off; if it is turned on, connections are rejected.
 * - The port is only a part of the name of the socket. It is random, because the server of a removed data directory
 *   unlinks its socket when it notices the removal, and must not unlink that of a new server at the same path.
 */
export function initdbArguments(cluster: string, port: number): string[] {
  return [
    `--pgdata=${cluster}`,
    `--username=${SERVER_USER}`,
    '--auth-local=trust',
    '--auth-host=reject',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    '--set',
    `port=${port}`,
  ];
}

/**
 * Settings of every start, which may change between releases of DevForge: a small server beside other work, without
 * loss of committed rows. `fsync` and `synchronous_commit` stay on, as they are by default.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  cluster_name: 'devforge',
  max_connections: '100',
  shared_buffers: '32MB',
  // No replicas: less WAL, and no launcher process
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  min_wal_size: '32MB',
  max_wal_size: '256MB',
  // Saves three processes; asynchronous reads pay off for tables larger than memory
  io_method: 'sync',
  jit: 'off',
  // Small queries only; parallel workers would need more /dev/shm than a container has
  max_parallel_workers_per_gather: '0',
  // POSIX shared memory is deleted by systemd-logind (RemoveIPC) when the user who started the server logs out
  dynamic_shared_memory_type: 'mmap',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_destination: 'stderr',
  logging_collector: 'off',
  // An ERROR is reported to the client that caused it; here it would only fill the disk, and quote statements and values.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_parameter_max_length_on_error: '0',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
};

export function serverArguments(cluster: string, socketDir: string): string[] {
  const settings = { ...SETTINGS, unix_socket_directories: quoteList(socketDir) };
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** Quoted, because a comma separates directories. */
const quoteList = (directory: string): string => `"${directory.replaceAll('"', '""')}"`;
