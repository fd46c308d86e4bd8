import { Injectable } from '@nestjs/common';
import { JobFailure } from '../../common/errors/job-failure.js';
import { ContainerEngine, EngineError } from '../../drivers/docker/engine/container-engine.js';
import { ProvisioningStep, type StepContext } from '../step.js';

/** Starts the container. */
@Injectable()
export class StartWorkspaceStep extends ProvisioningStep {
  readonly name = 'start';
  readonly status = 'starting';
  readonly weight = 20;

  constructor(private readonly runtime: ContainerEngine) {
    super();
  }

  async run({ row }: StepContext): Promise<void> {
    try {
      await this.runtime.containers.start(row.dockerId!);
    } catch (error) {
      // Somebody removed it since it was created: the next try makes it again.
      if (error instanceof EngineError && error.code === 'not_found') {
        throw new JobFailure('container_vanished', 'The container vanished while it was being started.', {
          retryable: true,
          cause: error,
        });
      }
      throw error;
    }
  }
}
