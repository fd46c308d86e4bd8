import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { fileURLToPath } from 'node:url';
import { Pool, type PoolConfig } from 'pg';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import * as schema from './containers/containers.schema.js';

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));
const MIGRATION_LOCK = 'devforge:migrations';
const POOL_SIZE = 16;
const CONNECT_TIMEOUT_MS = 5_000;
const PING_TIMEOUT_MS = 2_000;

/** Connection parameters: a URL, or the private socket of the embedded server. */
export type ConnectionConfig = Pick<PoolConfig, 'connectionString' | 'host' | 'port' | 'user' | 'database' | 'ssl'>;

/** The connection pool, and typed queries on it. */
export class Database {
  readonly pool: Pool;
  readonly orm: NodePgDatabase<typeof schema>;

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
    this.pool.on('connect', (client) => client.on('error', () => undefined));
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

  /** @throws when the server does not answer within two seconds */
  async ping(): Promise<void> {
    await withTimeout(this.pool.query('select 1'), PING_TIMEOUT_MS);
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.release();
  }
}
