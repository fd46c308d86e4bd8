import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import type { ProvisioningJob } from '../queues/job-control.js';
import { workerOptions } from '../queues/queue-options.js';
import { ClonePipeline } from './clone.pipeline.js';
import { processJob } from './process-job.js';
import { ProvisioningRunner } from './provisioning-runner.js';

const CONCURRENCY = 4;

@Processor('clone', workerOptions(CONCURRENCY))
export class CloneProcessor extends WorkerHost implements BeforeApplicationShutdown {
  constructor(
    private readonly runner: ProvisioningRunner,
    private readonly pipeline: ClonePipeline,
    @InjectPinoLogger(CloneProcessor.name) private readonly logger: PinoLogger,
  ) {
    super();
  }

  override process(job: ProvisioningJob, token?: string): Promise<void> {
    return processJob(this.runner, this.pipeline, job, token);
  }

  /** Running jobs were aborted in onModuleDestroy; the database is closed after this. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.close();
  }

  @OnWorkerEvent('error')
  onError(error: Error): void {
    this.logger.warn({ err: error }, 'The worker has a problem');
  }
}
