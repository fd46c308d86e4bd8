import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Settings } from '../config/settings.js';
import { Database } from '../persistence/database.js';
import { MissedEvents } from './replicas/missed-events.js';
import { ReplicaEvents } from './replicas/replica-events.js';
import { NoReplicas, ReplicaLink } from './replicas/replica-link.js';
import { SocketTally } from './socket-tally.js';

/** By Redis where there is one, else by a PostgreSQL that others may use as well. Loaded only where they are needed. */
async function openReplicaLink(
  { redisUrl, databaseUrl }: Settings,
  database: Database,
  logger: PinoLogger,
): Promise<ReplicaLink> {
  logger.setContext(ReplicaLink.name);
  if (redisUrl !== undefined) {
    const { RedisLink } = await import('./replicas/redis-link.js');
    return new RedisLink(redisUrl, logger);
  }
  if (databaseUrl === undefined) return new NoReplicas();
  const { PostgresLink } = await import('./replicas/postgres-link.js');
  return PostgresLink.open(database, logger);
}

/** Global, since every gateway counts its subscriptions. */
@Global()
@Module({
  providers: [
    { provide: ReplicaLink, useFactory: openReplicaLink, inject: [Settings, Database, PinoLogger] },
    ReplicaEvents,
    MissedEvents,
    SocketTally,
  ],
  exports: [ReplicaLink, ReplicaEvents, SocketTally],
})
export class RealtimeModule implements OnApplicationShutdown {
  constructor(@Inject(ReplicaLink) private readonly link: ReplicaLink) {}

  async onApplicationShutdown(): Promise<void> {
    await this.link.close();
  }
}
