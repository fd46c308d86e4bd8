import { createPostgresBackend, type QueueOptions, runMigrations, setDefaultBackendFactory } from 'bullmq';
import { Pool } from 'pg';
import type { ConnectionConfig } from '../persistence/database.js';
import { JOB_OPTIONS } from './queue-options.js';
import { QUEUE_PREFIX } from './job-map.js';

const SCHEMA = 'bullmq';
const POOL_SIZE = 12;

export interface QueueBackend {
  options: QueueOptions;
  close(): Promise<void>;
}

/** BullMQ on PostgreSQL, in a separate schema. All queues and workers share one pool. */
export async function openPostgresBackend(
  config: ConnectionConfig,
  onError: (error: Error) => void,
): Promise<QueueBackend> {
  const pool = new Pool({
    ...config,
    max: POOL_SIZE,
    keepAlive: true,
    application_name: 'devforge',
    options: `-c search_path=${SCHEMA},public`,
  });
  pool.on('error', onError);
  // A connection in use may break between two queries; without a listener that error would end the process.
  pool.on('connect', (connected) => connected.on('error', () => undefined));
  const client = await pool.connect();
  try {
    await runMigrations(client, SCHEMA);
  } finally {
    client.release();
  }
  setDefaultBackendFactory(createPostgresBackend);
  // The PostgreSQL backend takes a pool as its connection; BullMQ's types only allow Redis.
  return { options: queueOptions(pool as unknown as QueueOptions['connection']), close: () => pool.end() };
}

/** BullMQ on Redis. Each queue and worker opens and closes its own connections. */
export function openRedisBackend(redisUrl: string): QueueBackend {
  setDefaultBackendFactory();
  return { options: queueOptions({ url: redisUrl, maxRetriesPerRequest: null }), close: async () => undefined };
}

function queueOptions(connection: QueueOptions['connection']): QueueOptions {
  return { connection, prefix: QUEUE_PREFIX, defaultJobOptions: JOB_OPTIONS };
}
