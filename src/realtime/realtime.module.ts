import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Settings } from '../config/settings.js';
import { Database } from '../persistence/database.js';
import { MissedEventDetector } from './cluster/missed-event-detector.js';
import { ReplicatedEvents } from './cluster/replicated-events.js';
import { SingleProcessTransport, ClusterTransport } from './cluster/cluster-transport.js';
import { SocketCounters } from './socket-counters.js';

/** By Redis where there is one, else by a PostgreSQL that others may use as well. Loaded only where they are needed. */
async function openReplicaLink(
  { redisUrl, databaseUrl }: Settings,
  database: Database,
  logger: PinoLogger,
): Promise<ClusterTransport> {
  logger.setContext(ClusterTransport.name);
  if (redisUrl !== undefined) {
    const { RedisTransport: RedisTransport } = await import('./cluster/redis-transport.js');
    return new RedisTransport(redisUrl, logger);
  }
  if (databaseUrl === undefined) return new SingleProcessTransport();
  const { PostgresTransport: PostgresTransport } = await import('./cluster/postgres-transport.js');
  return PostgresTransport.open(database, logger);
}

/** Global, since every gateway counts its subscriptions. */
@Global()
@Module({
  providers: [
    { provide: ClusterTransport, useFactory: openReplicaLink, inject: [Settings, Database, PinoLogger] },
    ReplicatedEvents,
    MissedEventDetector,
    SocketCounters,
  ],
  exports: [ClusterTransport, ReplicatedEvents, SocketCounters],
})
export class RealtimeModule implements OnApplicationShutdown {
  constructor(@Inject(ClusterTransport) private readonly link: ClusterTransport) {}

  async onApplicationShutdown(): Promise<void> {
    await this.link.close();
  }
}
