import { Client, type PoolClient, type QueryResult } from 'pg';
import type { Database } from '../../persistence/database.js';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * What the adapter takes for a pool: a connection of its own to listen on, everything else by the pool that is there.
 * A real pool would lose one of its places with each listening connection that breaks, since the adapter does not give
 * it back.
 */
export class ListeningConnection {
  private client: Client | undefined;
  private isClosed = false;

  constructor(
    private readonly database: Database,
    private readonly onConnected: () => void,
    private readonly onLost: (error?: Error) => void,
  ) {}

  query(text: string, values?: unknown[]): Promise<QueryResult> {
    return this.database.pool.query(text, values);
  }

  /** Called by the adapter at its start, and two seconds or so after the connection ended. */
  async connect(): Promise<PoolClient> {
    const client = new Client({
      ...this.database.config,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'devforge-replicas',
    });
    client.on('error', (error) => this.onLost(error));
    try {
      await client.connect();
      if (this.isClosed) throw new Error('closed');
    } catch (error) {
      this.onLost(error as Error);
      await client.end().catch(() => undefined);
      throw error;
    }
    await this.drop();
    client.on('end', () => this.onLost());
    this.client = client;
    this.onConnected();
    return Object.assign(client, { release: () => void this.drop() });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.drop();
  }

  private async drop(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    // Nobody is to connect again for one that is ended here.
    client?.removeAllListeners('end');
    await client?.end().catch(() => undefined);
  }
}
