import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { fileURLToPath } from 'node:url';
import { Pool, type PoolConfig } from 'pg';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { DISK_FULL } from './database-error.js';
import * as schema from './containers/containers.schema.js';

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

/** The connection pool, and typed queries on it. */
export class Database {
  readonly pool: Pool;
  readonly orm: NodePgDatabase<typeof schema>;
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
    this.orm = drizzle(this.pool, { schema });
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
