import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { messageOf } from '../../common/errors/message-of.js';
import { EmbeddedPostgresError, errorCode } from './errors.js';
import type { ServerAddress } from './process/postmaster.js';
import { DATABASE, SERVER_USER } from './settings.js';

const UNKNOWN_DATABASE = '3D000';
const DUPLICATE_DATABASE = '42P04';
const STILL_STARTING = '57P03';
/** A ready server listens; longer silence on its socket means that somebody removed the socket. */
const SILENCE_MS = 1_000;
/** A back-end stays visible for some milliseconds after its client has gone. */
const LINGER_MS = 500;

/** `pg` has these two; its types do not. */
type RefClient = Client & { ref(): void; unref(): void };

export interface ServerSessionOptions {
  /** the cluster is new, so there is no database to try */
  created: boolean;
  /** on the clock of `performance.now()` */
  deadline: number;
  /** called once when the connection breaks without `release`: the server died or restarts */
  onLost: () => void;
}

/**
 * A connection that stays open as long as this process uses the server. The server's own list of connections is thereby
 * the register of its users: an entry cannot be forgotten, and it goes when its process dies.
 */
export class ServerSession {
  private readonly client: RefClient;
  private released = false;

  private constructor(client: RefClient, onLost: () => void) {
    this.client = client;
    // The lease must not keep a finished process alive
    client.unref();
    client.on('end', () => {
      if (!this.released) onLost();
    });
  }

  /**
   * Connects, and makes the database when there is none.
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
    // Whoever made the cluster was killed before it made the database
    await createDatabase(address, deadline);
    return new ServerSession(await connect(address, DATABASE, deadline), onLost);
  }

  /** Names of the other clients of this server; waits for those that are just leaving. */
  async otherClients(): Promise<string[]> {
    this.client.ref(); // as in release
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
    this.released = true;
    // Or Node would end in the middle of an await when nothing else is open
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
  const silence = performance.now() + SILENCE_MS;
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
    // Without a listener a server that dies later would end this process; 'end' follows and is what we act on
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client as RefClient;
    } catch (error) {
      await client.end().catch(() => undefined);
      const code = errorCode(error);
      if (code === UNKNOWN_DATABASE) throw error;
      const silent = code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET';
      const patience = silent ? Math.min(silence, deadline) : code === STILL_STARTING ? deadline : 0;
      if (performance.now() > patience) {
        throw new EmbeddedPostgresError(
          silent ? 'SERVER_UNREACHABLE' : 'CONNECT_FAILED',
          `PostgreSQL runs (pid ${pid}), but does not let us in through ${host}: ${messageOf(error)}. ` +
            `End it with "kill -INT ${pid}" and start DevForge again.`,
          { cause: error },
        );
      }
      await delay(5);
    }
  }
}
