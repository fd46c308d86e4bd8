import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Settings } from '../config/settings.js';
import { Database } from '../persistence/database.js';
import { MissedEventDetector } from './cluster/missed-event-detector.js';
import { ReplicatedEvents } from './cluster/replicated-events.js';
import { SingleProcessTransport, ClusterTransport } from './cluster/cluster-transport.js';
import { SocketUsages } from './socket-usage.js';
import { SocketCounters } from './socket-counters.js';

/** Redis where it is configured, else the configured PostgreSQL; an embedded database has a single process. Each is loaded only when used. */
async function openClusterTransport(
  { redisUrl, databaseUrl }: Settings,
  database: Database,
  logger: PinoLogger,
): Promise<ClusterTransport> {
  logger.setContext(ClusterTransport.name);
  if (redisUrl !== undefined) {
    const { RedisTransport } = await import('./cluster/redis-transport.js');
    return new RedisTransport(redisUrl, logger);
  }
  if (databaseUrl === undefined) return new SingleProcessTransport();
  const { PostgresTransport } = await import('./cluster/postgres-transport.js');
  return PostgresTransport.open(database, logger);
}

/** Global, because every gateway needs {@link SocketCounters}. */
@Global()
@Module({
  providers: [
    { provide: ClusterTransport, useFactory: openClusterTransport, inject: [Settings, Database, PinoLogger] },
    ReplicatedEvents,
    MissedEventDetector,
    SocketCounters,
    SocketUsages,
  ],
  exports: [ClusterTransport, ReplicatedEvents, SocketCounters, SocketUsages],
})
export class RealtimeModule implements OnApplicationShutdown {
  constructor(@Inject(ClusterTransport) private readonly transport: ClusterTransport) {}

  async onApplicationShutdown(): Promise<void> {
    await this.transport.close();
  }
}
