import { createAdapter } from '@socket.io/postgres-adapter';
import type { PinoLogger } from 'nestjs-pino';
import type { Pool } from 'pg';
import type { Namespace, ServerOptions } from 'socket.io';
import type { Database } from '../../persistence/database.js';
import { ListeningConnection } from './listening-connection.js';
import { MonitoredTransport } from './monitored-transport.js';

const TABLE = 'socket_io_attachments';
/** PostgreSQL refuses notifications of 8000 bytes and more; longer messages go through the table. */
const MAX_NOTIFICATION_BYTES = 7_900;
/** How long a message stays in the table for the other replicas to fetch. */
const RETENTION_MS = 30_000;
/** Under a lock: `create table if not exists` can fail when two processes run it at once. */
const SETUP = `
  select pg_advisory_xact_lock(hashtext('devforge:${TABLE}'));
  create unlogged table if not exists ${TABLE} (id bigserial unique, created_at timestamptz default now(), payload bytea);
`;

/** Sends messages by PostgreSQL's LISTEN and NOTIFY. */
export class PostgresTransport extends MonitoredTransport {
  readonly adapter: NonNullable<ServerOptions['adapter']>;
  private readonly connection: ListeningConnection;
  private readonly adapters = new Set<{ close(): void }>();

  static async open(database: Database, logger: PinoLogger): Promise<PostgresTransport> {
    await database.pool.query(SETUP);
    return new PostgresTransport(database, logger);
  }

  private constructor(database: Database, logger: PinoLogger) {
    super('PostgreSQL', logger);
    this.connection = new ListeningConnection(
      database,
      () => this.connected(),
      (error) => this.lost(error),
    );
    const create = createAdapter(this.connection as unknown as Pool, {
      channelPrefix: 'devforge:socket.io',
      tableName: TABLE,
      payloadThreshold: MAX_NOTIFICATION_BYTES,
      cleanupInterval: RETENTION_MS,
      errorHandler: (error) => logger.debug({ err: error }, 'A message between replicas was lost'),
    });
    const { adapters } = this;
    // Socket.io calls this with `new`, which an arrow function does not support.
    this.adapter = function (namespace: Namespace) {
      const adapter = create(namespace);
      adapters.add(adapter);
      return adapter;
    } as unknown as typeof this.adapter;
  }

  override async close(): Promise<void> {
    await super.close();
    for (const adapter of this.adapters) adapter.close();
    await this.connection.close();
  }
}
