import { BullModule } from '@nestjs/bullmq';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Settings } from '../config/settings.js';
import { Database } from '../persistence/database.js';
import { BullmqProvisioningQueue } from './bullmq-provisioning-queue.js';
import { QUEUE_NAMES } from './job-map.js';
import { ProvisioningQueue } from './provisioning-queue.js';
import { openPostgresBackend, openRedisBackend, type QueueBackend } from './queue-backend.js';

const QUEUE_BACKEND = Symbol('QueueBackend');

/** Opens the store of BullMQ before any queue or worker is created. */
@Module({
  providers: [
    {
      provide: QUEUE_BACKEND,
      useFactory: (
        settings: Settings,
        database: Database,
        logger: PinoLogger,
      ): Promise<QueueBackend> | QueueBackend => {
        logger.setContext('QueueBackend');
        return settings.redisUrl === undefined
          ? openPostgresBackend(database.config, (error) =>
              logger.warn({ err: error }, 'A connection of the queue was lost'),
            )
          : openRedisBackend(settings.redisUrl);
      },
      inject: [Settings, Database, PinoLogger],
    },
  ],
  exports: [QUEUE_BACKEND],
})
class QueueBackendModule implements OnApplicationShutdown {
  constructor(@Inject(QUEUE_BACKEND) private readonly backend: QueueBackend) {}

  async onApplicationShutdown(): Promise<void> {
    await this.backend.close();
  }
}

@Global()
@Module({
  imports: [
    BullModule.forRootAsync({
      imports: [QueueBackendModule],
      useFactory: (backend: QueueBackend) => backend.options,
      inject: [QUEUE_BACKEND],
    }),
    BullModule.registerQueue(...QUEUE_NAMES.map((name) => ({ name }))),
  ],
  providers: [{ provide: ProvisioningQueue, useClass: BullmqProvisioningQueue }],
  exports: [ProvisioningQueue, BullModule],
})
export class QueuesModule {}
