/** Role, superuser of its own cluster. */
export const SERVER_USER = 'devforge';
export const DATABASE = 'devforge';

/**
 * What is fixed when a cluster is made.
 *
 * - The collation is PostgreSQL's own C.UTF-8, so that order and case do not depend on the locales of the host.
 * - `trust` without a password: the socket lies in a directory of mode 0700, so the kernel lets only the server's
 *   user and root through, who could read the files of the database anyway. A password would have to lie beside them.
 *   TCP is off; should somebody turn it on, `reject` answers there.
 * - The port is only a part of the socket's name. It is random, so that an orphan of a removed data directory, which
 *   unlinks its socket when it notices, cannot unlink the socket of its successor.
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
 * What may change from one release of DevForge to the next, given at every start: a small server on a machine that has
 * other work to do, which loses no accepted row. `fsync` and `synchronous_commit` stay on, as they are by default.
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
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
};

export function serverArguments(cluster: string, socketDir: string): string[] {
  const settings = { ...SETTINGS, unix_socket_directories: quoteList(socketDir) };
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** A comma would otherwise separate two directories. */
const quoteList = (directory: string): string => `"${directory.replaceAll('"', '""')}"`;
