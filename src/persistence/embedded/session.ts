import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { safeMessageOf } from '../../common/errors/error-report.js';
import { EmbeddedPostgresError, errorCode } from './errors.js';
import type { ServerAddress } from './process/postmaster.js';
import { DATABASE, SERVER_USER } from './settings.js';

const UNKNOWN_DATABASE = '3D000';
const DUPLICATE_DATABASE = '42P04';
const STILL_STARTING = '57P03';
/** A ready server listens on its socket; if it cannot be reached for longer, the socket was removed. */
const SOCKET_TIMEOUT_MS = 1_000;
/** A back-end process stays in pg_stat_activity for some milliseconds after its client has disconnected. */
const LINGER_MS = 500;

/** These methods of `pg` are missing from its types. */
type RefClient = Client & { ref(): void; unref(): void };

export interface ServerSessionOptions {
  /** Whether the cluster is new and has no database yet. */
  created: boolean;
  /** In the time of `performance.now()`. */
  deadline: number;
  /** Is called once when the connection breaks without `close`: the server died or restarts. */
  onLost: () => void;
}

/**
 * A connection that stays open as long as this process uses the server. The list of connections of the server thereby
 * shows which processes use it, without entries of dead processes.
 */
export class ServerSession {
  private readonly client: RefClient;
  private closed = false;

  private constructor(client: RefClient, onLost: () => void) {
    this.client = client;
    // The connection must not keep a process alive that has nothing else to do
    client.unref();
    client.on('end', () => {
      if (!this.closed) onLost();
    });
  }

  /**
   * Connects, and creates the database if there is none.
   *
   * @throws EmbeddedPostgresError `SERVER_UNREACHABLE`, `CONNECT_FAILED`
   */
  static async open(
    address: ServerAddress,
    { created, deadline, onLost }: ServerSessionOptions,
  ): Promise<ServerSession> {
    if (created) await createDatabase(address, deadline);
    try {
      return new ServerSession(await connect(address, DATABASE, deadline), onLost);
    } catch (error) {
      if (errorCode(error) !== UNKNOWN_DATABASE) throw error;
    }
    // The process that created the cluster was killed before it created the database
    await createDatabase(address, deadline);
    return new ServerSession(await connect(address, DATABASE, deadline), onLost);
  }

  /** Names of the other clients of this server, after a short wait for those that are disconnecting. */
  async otherClients(): Promise<string[]> {
    this.client.ref(); // as in close
    const deadline = performance.now() + LINGER_MS;
    for (;;) {
      const { rows } = await this.client.query<{ name: string }>(
        `select coalesce(nullif(application_name, ''), 'pid ' || pid) as name from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      );
      if (rows.length === 0 || performance.now() > deadline) return rows.map((row) => row.name);
      await delay(20);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    // Otherwise Node exits during the await when nothing else is open
    this.client.ref();
    await this.client.end().catch(() => undefined);
  }
}

async function createDatabase(address: ServerAddress, deadline: number): Promise<void> {
  const client = await connect(address, 'postgres', deadline);
  try {
    await client.query(`create database ${DATABASE}`);
  } catch (error) {
    if (errorCode(error) !== DUPLICATE_DATABASE) throw error;
  } finally {
    await client.end();
  }
}

async function connect({ host, port, pid }: ServerAddress, database: string, deadline: number): Promise<RefClient> {
  const socketDeadline = performance.now() + SOCKET_TIMEOUT_MS;
  for (;;) {
    const client = new Client({
      host,
      port,
      user: SERVER_USER,
      database,
      ssl: false,
      application_name: `devforge pid ${process.pid}`,
      connectionTimeoutMillis: Math.max(1, Math.min(10_000, deadline - performance.now())),
    });
    // Without a listener the death of the server would end this process; the 'end' event follows and is handled
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client as RefClient;
    } catch (error) {
      await client.end().catch(() => undefined);
      const code = errorCode(error);
      if (code === UNKNOWN_DATABASE) throw error;
      const isUnreachable = code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET';
      const retryUntil = isUnreachable ? Math.min(socketDeadline, deadline) : code === STILL_STARTING ? deadline : 0;
      if (performance.now() > retryUntil) {
        throw new EmbeddedPostgresError(
          isUnreachable ? 'SERVER_UNREACHABLE' : 'CONNECT_FAILED',
          `PostgreSQL runs (pid ${pid}) but does not accept connections through ${host}: ${safeMessageOf(error)}. ` +
            `End it with "kill -INT ${pid}" and start DevForge again.`,
          { cause: error },
        );
      }
      await delay(5);
    }
  }
}
