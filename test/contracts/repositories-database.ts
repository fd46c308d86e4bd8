/** An embedded PostgreSQL in a temporary directory, for the contract suites of the repositories. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../src/persistence/database.js';
import { EmbeddedPostgres } from '../../src/persistence/embedded/embedded-postgres.js';

export interface TestDatabase {
  database: Database;
  /** Another pool on the same server, as another process would have. */
  another(): Database;
  close(): Promise<void>;
}

export async function openTestDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'devforge-repositories-'));
  // For root the server runs as another user, and would be relocated if that user could not access the directory.
  await chmod(folder, 0o711);
  const server = new EmbeddedPostgres({ dataDir: join(folder, 'data'), log: () => undefined });
  const config = { ...(await server.start()), ssl: false };
  const pools: Database[] = [];
  const open = (): Database => {
    const database = new Database(config, () => undefined);
    pools.push(database);
    return database;
  };
  const database = open();
  await database.migrate();
  return {
    database,
    another: open,
    close: async () => {
      await Promise.all(pools.map((pool) => pool.close()));
      await server.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}
