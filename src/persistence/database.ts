import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { fileURLToPath } from 'node:url';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { DISK_FULL } from './database-error.js';
import { beginWith, type Rows } from './first-statements.js';
import type { BoundStatement } from './statement-text.js';

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));
const MIGRATION_LOCK = 'devforge:migrations';
const POOL_SIZE = 16;
const CONNECT_TIMEOUT_MS = 5_000;
const PING_TIMEOUT_MS = 2_000;

/** How long an error for lack of disk space counts: writes that need none, such as renewed leases, still succeed. */
const OUT_OF_DISK_MS = 10_000;

/** A private member of the client: the connection that it reads the server's answers from. */
interface Connected {
  connection: { on(event: 'errorMessage', listener: (error: { code?: string }) => void): void };
}

/** Connection parameters: a URL, or the private socket of the embedded server. */
export type ConnectionConfig = Pick<PoolConfig, 'connectionString' | 'host' | 'port' | 'user' | 'database' | 'ssl'>;

/** A transaction that has begun. */
export interface Begun {
  /** Its connection. */
  client: PoolClient;
  tx: NodePgDatabase;
  /** What its first statements have returned. */
  rows: Rows[];
  /** How what was sent with them has ended. */
  ahead: PromiseSettledResult<void> | undefined;
}

/** The connection pool, and typed queries on it. */
export class Database {
  readonly pool: Pool;
  readonly orm: NodePgDatabase;
  private outOfDiskAt: number | undefined;

  constructor(
    readonly config: ConnectionConfig,
    onError: (error: Error) => void,
    private readonly release: () => Promise<void> = async () => undefined,
  ) {
    this.pool = new Pool({
      ...config,
      max: POOL_SIZE,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'devforge',
    });
    // The pool replaces an idle connection that breaks; without a listener its error would end the process.
    this.pool.on('error', onError);
    // The same for a checked-out connection between two queries. Its next query fails.
    this.pool.on('connect', (client) => {
      client.on('error', () => undefined);
      (client as unknown as Connected).connection.on('errorMessage', ({ code }) => {
        if (code === DISK_FULL) this.outOfDiskAt = performance.now();
      });
    });
    this.orm = drizzle(this.pool);
  }

  /** Applies pending migrations, under a lock that serialises processes that start together. */
  async migrate(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('select pg_advisory_lock(hashtext($1))', [MIGRATION_LOCK]);
      await migrate(drizzle(client), { migrationsFolder: MIGRATIONS });
    } finally {
      client.release(true);
    }
  }

  /**
   * Works in a transaction that has begun with statements of its own, in one round trip.
   * @param ahead is sent with them, before their results are known; whether it succeeded is known to `work`
   */
  async transaction<Result>(
    first: readonly BoundStatement[],
    work: (begun: Begun) => Promise<Result>,
    ahead?: (client: PoolClient) => Promise<void>,
  ): Promise<Result> {
    const client = await this.pool.connect();
    let isBroken = true;
    try {
      const [rows, sent] = await beginWith(client, first, ahead);
      isBroken = false;
      const result = await work({ client, tx: drizzle(client), rows, ahead: sent });
      await client.query('commit');
      return result;
    } catch (error) {
      if (!isBroken) await client.query('rollback').catch(() => (isBroken = true));
      throw error;
    } finally {
      client.release(isBroken);
    }
  }

  /** Whether a write failed lately because the server has no space left. */
  get isOutOfDisk(): boolean {
    return this.outOfDiskAt !== undefined && performance.now() - this.outOfDiskAt < OUT_OF_DISK_MS;
  }

  /** @throws when the server does not answer within two seconds */
  async ping(): Promise<void> {
    await withTimeout(this.pool.query('select 1'), PING_TIMEOUT_MS);
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.release();
  }
}
