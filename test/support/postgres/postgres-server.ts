import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { EmbeddedPostgres } from '../../../src/persistence/embedded/embedded-postgres.js';

/** A PostgreSQL server that several servers under test can share by its URL. */
export interface PostgresServer {
  /** Value for `DATABASE_URL`. */
  readonly url: string;
  readonly pool: Pool;
  /** Application names of the connections of servers under test. */
  connections(): Promise<string[]>;
  /** How many connections between replicas receive notifications. */
  listening(): Promise<number>;
  /** Terminates the connections with this application name. @returns their number */
  terminate(applicationName: string): Promise<number>;
  /** Kills the whole server with SIGKILL; it is restarted automatically. */
  crash(): Promise<void>;
  /** Stops the server and removes its files. Stop its clients first, for which it would go on. */
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'devforge-postgres-'));
  // For root the server runs as another user.
  await chmod(folder, 0o711);
  const server = new EmbeddedPostgres({ dataDir: join(folder, 'data'), log: () => undefined });
  const { host, port, user, database } = await server.start();
  const url = `postgresql://${user}@localhost/${database}?host=${host}&port=${port}`;
  const pool = new Pool({ connectionString: url, ssl: false, max: 2, application_name: 'test' });
  pool.on('error', () => undefined);
  return {
    url,
    pool,
    connections: async () => {
      const { rows } = await pool.query<{ name: string }>(
        "select application_name as name from pg_stat_activity where application_name in ('devforge', 'devforge-replicas')",
      );
      return rows.map(({ name }) => name);
    },
    listening: async () => {
      const { rows } = await pool.query(
        "select from pg_stat_activity where application_name = 'devforge-replicas' and query like 'LISTEN %' and state = 'idle'",
      );
      return rows.length;
    },
    terminate: async (name) =>
      (await pool.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name]))
        .rows.length,
    crash: async () => {
      const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
      const status = await readFile(`/proc/${rows[0]!.pid}/status`, 'utf8');
      process.kill(Number(/^PPid:\s*(\d+)/m.exec(status)![1]), 'SIGKILL');
    },
    stop: async () => {
      await pool.end();
      await server.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}
