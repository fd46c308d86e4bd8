import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import type { JobName } from '../persistence/types.js';
import type { JobMap, ProvisioningJobData } from './job-map.js';
import { ProvisioningQueue } from './provisioning-queue.js';

const PING_TIMEOUT_MS = 2_000;

@Injectable()
export class BullmqProvisioningQueue extends ProvisioningQueue {
  private readonly queues: Record<JobName, Queue<ProvisioningJobData, void>>;

  constructor(
    @InjectQueue('create') create: Queue<ProvisioningJobData, void>,
    @InjectQueue('clone') clone: Queue<ProvisioningJobData, void>,
    @InjectPinoLogger(BullmqProvisioningQueue.name) private readonly logger: PinoLogger,
  ) {
    super();
    this.queues = { create, clone };
    for (const queue of [create, clone])
      queue.on('error', (error) => logger.warn({ err: error, queue: queue.name }, 'The queue reported an error'));
  }

  wake<Name extends JobName>(name: Name, data: JobMap[Name]['data'], wakeId = data.jobId): void {
    this.queues[name]
      .add(name, data, { jobId: wakeId })
      .catch((error: unknown) => this.logger.warn({ err: error, jobId: data.jobId }, 'A wake-up could not be queued'));
  }

  async ping(): Promise<void> {
    await withTimeout(this.queues.create.getWaitingCount(), PING_TIMEOUT_MS);
  }
}
