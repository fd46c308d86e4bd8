import { type DevForgeProcess, startDevForge } from '../api/devforge-process.js';
import { ensureImages } from '../e2e/images.js';
import { startTestServer, type TestServer } from '../e2e/server.js';
import { TrackingClient } from '../e2e/tracking-client.js';
import { type PostgresServer, startPostgres } from '../postgres/postgres-server.js';
import { type RedisServer, startRedis } from '../redis/redis-server.js';
import { SocketClient } from '../sockets/socket-client.js';

/** One of two servers on one database. */
export interface Replica {
  readonly devforge: DevForgeProcess;
  readonly api: TrackingClient;
  /** Connects a client that is subscribed to the status of all containers at this replica. */
  subscribeStatus(): Promise<SocketClient>;
}

/** Two servers with separate data folders on one PostgreSQL, and optionally one Redis. */
export interface TwoReplicas {
  readonly a: Replica & TestServer;
  readonly b: Replica;
  readonly postgres: PostgresServer;
  readonly redis: RedisServer | undefined;
  dispose(): Promise<void>;
}

export async function startTwoReplicas(transport: 'PostgreSQL' | 'Redis'): Promise<TwoReplicas> {
  const undo: (() => Promise<unknown>)[] = [];
  const dispose = async (): Promise<void> => {
    for (const each of undo.splice(0).toReversed()) await each();
  };
  try {
    const postgres = await startPostgres();
    undo.push(() => postgres.stop());
    const redis = transport === 'Redis' ? await startRedis() : undefined;
    undo.push(async () => redis?.stop());
    const server = await startTestServer({
      DATABASE_URL: postgres.url,
      ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    });
    const { token } = server.devforge;
    undo.push(() => server.dispose());
    const other = await startDevForge({ ...server.env, DEVFORGE_TOKEN: token });
    undo.push(() => other.dispose());
    const replica = (devforge: DevForgeProcess, api: TrackingClient): Replica => ({
      devforge,
      api,
      subscribeStatus: async () => {
        const client = await SocketClient.connect(devforge.url, { token });
        undo.push(async () => client.close());
        await client.ask('subscribe:status', {});
        return client;
      },
    });
    const a = { ...server, ...replica(server.devforge, server.api) };
    const b = replica(other, new TrackingClient(other.url, token));
    // Containers created by the second server are removed with those of the first.
    undo.push(async () => b.api.accepted.forEach((id) => a.api.accepted.add(id)));
    await ensureImages(a, 'claude');
    return { a, b, postgres, redis, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
