import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { Database } from '../../src/persistence/database.js';
import { ListeningConnection } from '../../src/realtime/cluster/listening-connection.js';
import { until } from '../support/e2e/until.js';
import { type PostgresServer, startPostgres } from '../support/postgres/postgres-server.js';

describe('the connection on which a replica listens', () => {
  let postgres: PostgresServer;
  let database: Database;
  let connection: ListeningConnection;
  let connected: number;
  let lost: number;

  beforeAll(async () => {
    postgres = await startPostgres();
    database = new Database({ connectionString: postgres.url, ssl: false }, () => undefined);
  }, 60_000);
  beforeEach(() => {
    connected = 0;
    lost = 0;
    connection = new ListeningConnection(
      database,
      () => (connected += 1),
      () => (lost += 1),
    );
  });
  afterEach(() => connection.close());
  afterAll(async () => {
    await database?.close();
    await postgres?.stop();
  }, 60_000);

  const backendOf = async (client: PoolClient): Promise<number> =>
    (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;

  it('is reported as connected once notifications arrive on it, not while LISTEN is under way', async () => {
    const client = await connection.connect();
    const backend = await backendOf(client);
    process.kill(backend, 'SIGSTOP');
    try {
      const listening = client.query('LISTEN "changes"');
      await database.ping();
      expect(connected).toBe(0);
      process.kill(backend, 'SIGCONT');
      await listening;
    } finally {
      process.kill(backend, 'SIGCONT');
    }
    expect(connected).toBe(1);
    const notified = new Promise((resolve) => client.once('notification', ({ payload }) => resolve(payload)));
    await connection.query(`notify "changes", 'hello'`);
    expect(await notified).toBe('hello');
    await client.query('LISTEN "more"');
    expect(connected).toBe(1);
  });

  it('is reported as lost when the server ends it, and as connected when the next one listens', async () => {
    await (await connection.connect()).query('LISTEN "changes"');
    expect(await postgres.terminate('devforge-replicas')).toBe(1);
    await until('the loss', () => lost > 0);
    expect(connected).toBe(1);
    await (await connection.connect()).query('LISTEN "changes"');
    expect(connected).toBe(2);
  });
});
