import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { prepareDataDir, toEmbeddedPostgresError } from './cluster/data-dir.js';
import { messageOf } from '../../common/errors/message-of.js';
import { EmbeddedPostgresError } from './errors.js';
import { terminate } from './process/postmaster.js';
import { ensureServer, type RunningServer } from './server.js';
import { ServerSession } from './session.js';
import { DATABASE, SERVER_USER } from './settings.js';
import { StartLock } from './start-lock.js';

const START_TIMEOUT_MS = 60_000;
const STOP_LOCK_TIMEOUT_MS = 10_000;
const LONGEST_PAUSE_MS = 30_000;

export interface EmbeddedPostgresOptions {
  /** DevForge's data directory; made when absent. Receives `postgres`, `postgres-run`, `postgres.log`, `postgres.lock` */
  dataDir: string;
  /** receives one line for each thing that an operator may want to know */
  log: (message: string) => void;
  /** patience with another process that starts, and with crash recovery; 60 000 by default */
  startTimeoutMs?: number;
}

/** Connection parameters for `pg`: a Unix socket, no password, no TLS. */
export interface EmbeddedConnection {
  /** directory of the Unix socket */
  host: string;
  /** number in the socket's name; stays the same as long as the cluster exists */
  port: number;
  user: string;
  database: string;
}

/**
 * The PostgreSQL server that DevForge runs by itself.
 *
 * The server is a process of its own that outlives this one: after a kill the next `start` adopts it, and two processes
 * on one data directory share it. Until `stop`, this object also revives a server that dies.
 *
 * @example
 * const server = new EmbeddedPostgres({ dataDir: '.devforge', log: console.log });
 * const pool = new pg.Pool(await server.start());
 * // … at shutdown, pools first
 * await pool.end();
 * await server.stop();
 */
export class EmbeddedPostgres {
  private readonly options: EmbeddedPostgresOptions;
  private starting: Promise<EmbeddedConnection> | undefined;
  private server: (RunningServer & { lockFile: string }) | undefined;
  private session: ServerSession | undefined;
  private stopping = false;

  constructor(options: EmbeddedPostgresOptions) {
    this.options = options;
  }

  /**
   * Makes the cluster when there is none, starts or adopts its server, makes the database `devforge`.
   * Resolves when the server accepts connections; calling it again gives the same answer.
   *
   * @throws EmbeddedPostgresError with a `code`, and a message that says what to do
   */
  start(): Promise<EmbeddedConnection> {
    this.stopping = false;
    this.starting ??= this.open(true).catch((error: unknown) => {
      this.starting = undefined;
      throw toEmbeddedPostgresError(error, this.options.dataDir);
    });
    return this.starting;
  }

  /**
   * Fast shutdown, unless another client is still connected: then the server stays for it. Close your own pools first.
   * Takes at most about 25 seconds.
   *
   * @throws EmbeddedPostgresError `STOP_FAILED`
   */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.starting?.catch(() => undefined);
    this.starting = undefined;
    const { server, session: lease } = this;
    this.server = undefined;
    this.session = undefined;
    if (server === undefined || lease === undefined) return;
    let lock: StartLock | undefined;
    try {
      lock = await StartLock.acquire(server.lockFile, performance.now() + STOP_LOCK_TIMEOUT_MS);
      // Under the lock nobody can be between "the server runs" and "I hold a lease on it"
      const others = await lease.otherClients();
      await lease.close();
      if (others.length === 0) await terminate(server.address.pid, server.cluster);
      else this.options.log(`Left the embedded PostgreSQL running for other clients: ${others.join(', ')}`);
    } catch (error) {
      await lease.close();
      if (error instanceof EmbeddedPostgresError && error.code === 'STOP_FAILED') throw error;
      this.options.log(`Left the embedded PostgreSQL as it is: ${messageOf(error)}`);
    } finally {
      lock?.release();
    }
  }

  private async open(mayCreate: boolean): Promise<EmbeddedConnection> {
    const deadline = performance.now() + (this.options.startTimeoutMs ?? START_TIMEOUT_MS);
    const dataDir = await prepareDataDir(this.options.dataDir);
    const lockFile = path.join(dataDir, 'postgres.lock');
    const lock = await StartLock.acquire(lockFile, deadline);
    try {
      const logFile = path.join(dataDir, 'postgres.log');
      const around = { dataDir, logFile, log: this.options.log, deadline, mayCreate };
      let server = await ensureServer(around);
      try {
        this.session = await this.openSession(server, deadline);
      } catch (error) {
        // Somebody removed the socket of a server that was running: nobody can connect to it any more
        if (!server.adopted || !(error instanceof EmbeddedPostgresError && error.code === 'SERVER_UNREACHABLE'))
          throw error;
        this.options.log(`Restarting it: ${error.message}`);
        await terminate(server.address.pid, server.cluster);
        server = await ensureServer(around);
        this.session = await this.openSession(server, deadline);
      }
      this.server = { ...server, lockFile };
      return { host: server.address.host, port: server.address.port, user: SERVER_USER, database: DATABASE };
    } finally {
      lock.release();
    }
  }

  private openSession({ address, created }: RunningServer, deadline: number): Promise<ServerSession> {
    return ServerSession.open(address, { created, deadline, onLost: () => void this.revive() });
  }

  /** The server died, or restarts after a crash of one of its processes. Pools reconnect to the same socket. */
  private async revive(): Promise<void> {
    const lost = this.session;
    const wanted = (): boolean => !this.stopping && this.session === lost;
    for (let pause = 100; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      // First of all: a server that dies again and again must not keep a processor busy
      await delay(pause, undefined, { ref: false });
      if (!wanted()) return;
      try {
        this.options.log('Lost the embedded PostgreSQL, starting it again');
        this.starting = this.open(false);
        await this.starting;
        return;
      } catch (error) {
        this.options.log(`Could not start the embedded PostgreSQL again: ${messageOf(error)}`);
      }
    }
  }
}
