/** A PostgreSQL of its own for the suites of the repositories: the embedded one, in a temporary folder. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../src/persistence/database.js';
import { EmbeddedPostgres } from '../../src/persistence/embedded/embedded-postgres.js';

export interface TestDatabase {
  database: Database;
  /** Another pool on the same server, as another process has. */
  another(): Database;
  close(): Promise<void>;
}

export async function openTestDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'devforge-repositories-'));
  // As root the server is another user's, and a folder it cannot reach would send its files elsewhere.
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
