import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { prepareDataDir, toEmbeddedPostgresError } from './cluster/data-dir.js';
import { safeMessageOf } from '../../common/errors/error-report.js';
import { EmbeddedPostgresError } from './errors.js';
import { terminate } from './process/postmaster.js';
import { trimServerLog } from './process/server-log.js';
import { ensureServer, type RunningServer } from './server.js';
import { ServerSession } from './session.js';
import { DATABASE, SERVER_USER } from './settings.js';
import { StartLock } from './start-lock.js';

const START_TIMEOUT_MS = 60_000;
const STOP_LOCK_TIMEOUT_MS = 10_000;
const MAX_RETRY_DELAY_MS = 30_000;
const TRIM_LOG_MS = 60_000;

export interface EmbeddedPostgresOptions {
  /** DevForge's data directory, created when absent. Will contain `postgres`, `postgres-run`, `postgres.log`, `postgres.lock`. */
  dataDir: string;
  /** Receives messages for the operator, one line each. */
  log: (message: string) => void;
  /** Time for another process to start and for crash recovery, in milliseconds; 60 000 by default. */
  startTimeoutMs?: number;
}

/** Connection parameters for `pg`: a Unix socket, without password and TLS. */
export interface EmbeddedConnection {
  /** Directory of the Unix socket. */
  host: string;
  /** Number in the name of the socket; the same for the lifetime of the cluster. */
  port: number;
  user: string;
  database: string;
}

/**
 * The PostgreSQL server that DevForge runs itself.
 *
 * The server outlives this process: after a kill the next `start` adopts it, and two processes on one data directory
 * share it. Until `stop`, a server that dies is restarted.
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
  private trimming: NodeJS.Timeout | undefined;

  constructor(options: EmbeddedPostgresOptions) {
    this.options = options;
  }

  /**
   * Creates the cluster if there is none, starts or adopts its server, and creates the database `devforge`.
   * Resolves when the server accepts connections; further calls return the same connection.
   *
   * @throws EmbeddedPostgresError with a `code`, and a message that says how to fix it
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
   * Fast shutdown, unless another client is connected, for which the server goes on. Close your own pools first.
   * Takes at most about 25 seconds.
   *
   * @throws EmbeddedPostgresError `STOP_FAILED`
   */
  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.trimming);
    await this.starting?.catch(() => undefined);
    this.starting = undefined;
    const { server, session: lease } = this;
    this.server = undefined;
    this.session = undefined;
    if (server === undefined || lease === undefined) return;
    let lock: StartLock | undefined;
    try {
      lock = await StartLock.acquire(server.lockFile, performance.now() + STOP_LOCK_TIMEOUT_MS);
      // Under the lock no other process is between adopting the server and connecting to it
      const others = await lease.otherClients();
      await lease.close();
      if (others.length === 0) await terminate(server.address.pid, server.cluster);
      else this.options.log(`Left the embedded PostgreSQL running for other clients: ${others.join(', ')}`);
    } catch (error) {
      await lease.close();
      if (error instanceof EmbeddedPostgresError && error.code === 'STOP_FAILED') throw error;
      this.options.log(`Left the embedded PostgreSQL as it is: ${safeMessageOf(error)}`);
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
      const environment = { dataDir, logFile, log: this.options.log, deadline, mayCreate };
      let server = await ensureServer(environment);
      try {
        this.session = await this.openSession(server, deadline);
      } catch (error) {
        // The socket of the running server was removed, so nothing can connect to it any more
        if (!server.adopted || !(error instanceof EmbeddedPostgresError && error.code === 'SERVER_UNREACHABLE'))
          throw error;
        this.options.log(`Restarting it: ${error.message}`);
        await terminate(server.address.pid, server.cluster);
        server = await ensureServer(environment);
        this.session = await this.openSession(server, deadline);
      }
      this.server = { ...server, lockFile };
      clearInterval(this.trimming);
      this.trimming = setInterval(() => void trimServerLog(logFile).catch(() => undefined), TRIM_LOG_MS).unref();
      return { host: server.address.host, port: server.address.port, user: SERVER_USER, database: DATABASE };
    } finally {
      lock.release();
    }
  }

  private openSession({ address, created }: RunningServer, deadline: number): Promise<ServerSession> {
    return ServerSession.open(address, { created, deadline, onLost: () => void this.restart() });
  }

  /** Restarts a server that died or is recovering from a crash of one of its processes. Pools reconnect to its socket. */
  private async restart(): Promise<void> {
    const lost = this.session;
    const isWanted = (): boolean => !this.stopping && this.session === lost;
    for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, MAX_RETRY_DELAY_MS)) {
      // Waits even the first time, so that a server that dies repeatedly does not keep a processor busy
      await delay(delayMs, undefined, { ref: false });
      if (!isWanted()) return;
      try {
        this.options.log('Lost the embedded PostgreSQL, starting it again');
        this.starting = this.open(false);
        await this.starting;
        return;
      } catch (error) {
        this.options.log(`Could not start the embedded PostgreSQL again: ${safeMessageOf(error)}`);
      }
    }
  }
}
