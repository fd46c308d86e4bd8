import { Client, type PoolClient, type QueryResult } from 'pg';
import type { Database } from '../../persistence/database.js';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Stands in for the pool that the Socket.io adapter wants: LISTEN gets a dedicated connection, queries go to the existing
 * pool. A real pool would lose a slot with every listening connection that breaks, because the adapter never releases it.
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

  /** The adapter calls this at its start, and about two seconds after each loss of the connection. */
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
    return Object.assign(client, { query: this.reportFirstListen(client), release: () => void this.drop() });
  }

  /** Notifications that are sent before LISTEN is done are lost, so the connection counts from then on. */
  private reportFirstListen(client: Client): Client['query'] {
    const query = client.query.bind(client) as (text: string, values?: unknown[]) => Promise<QueryResult>;
    let isReported = false;
    const reporting = async (text: string, values?: unknown[]): Promise<QueryResult> => {
      const result = await query(text, values);
      if (!isReported && text.startsWith('LISTEN ')) {
        isReported = true;
        this.onConnected();
      }
      return result;
    };
    return reporting as unknown as Client['query'];
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.drop();
  }

  private async drop(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    // An intended end must not make the adapter connect again.
    client?.removeAllListeners('end');
    await client?.end().catch(() => undefined);
  }
}
