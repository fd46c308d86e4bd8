import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import type { Job } from 'bullmq';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import type { ProvisioningJobData } from '../queues/job-map.js';
import { workerOptions } from '../queues/queue-options.js';
import { ClonePipeline } from './clone.pipeline.js';
import { processJob } from './process-job.js';
import { ProvisioningRunner } from './provisioning-runner.js';

const CONCURRENCY = 4;

@Processor('clone', workerOptions(CONCURRENCY))
export class CloneProcessor extends WorkerHost {
  constructor(
    private readonly runner: ProvisioningRunner,
    private readonly pipeline: ClonePipeline,
    @InjectPinoLogger(CloneProcessor.name) private readonly logger: PinoLogger,
  ) {
    super();
  }

  override process(job: Job<ProvisioningJobData>, token?: string): Promise<void> {
    return processJob(this.runner, this.pipeline, job, token);
  }

  @OnWorkerEvent('error')
  onError(error: Error): void {
    this.logger.warn({ err: error }, 'The worker has a problem');
  }
}
