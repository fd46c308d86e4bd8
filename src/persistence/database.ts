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

/** How to reach the server: a URL, or the private socket of the embedded one. */
export type ConnectionConfig = Pick<PoolConfig, 'connectionString' | 'host' | 'port' | 'user' | 'database' | 'ssl'>;

/** The pool of connections and the typed queries over it. */
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
    // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
    this.pool.on('error', onError);
    // The same of one in use, between two queries; the next query tells whoever uses it.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    this.orm = drizzle(this.pool, { schema });
  }

  /** Brings the schema up to date; processes that start together take turns. */
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
