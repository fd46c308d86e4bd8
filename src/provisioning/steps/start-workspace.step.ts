import { Injectable } from '@nestjs/common';
import { JobFailure } from '../../common/errors/job-failure.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { ProvisioningStep, type StepContext } from '../step.js';

/** Starts the workspace that the step before has created; a claimed one runs already. */
@Injectable()
export class StartWorkspaceStep extends ProvisioningStep {
  readonly name = 'start';
  readonly status = 'starting';
  readonly weight = 20;

  constructor(private readonly driver: WorkspaceDriver) {
    super();
  }

  async run({ row, isUp }: StepContext): Promise<void> {
    if (isUp) return;
    try {
      await this.driver.start(workspaceOf(row));
    } catch (error) {
      // It was removed outside DevForge since it was created; the next attempt creates it again.
      if (error instanceof DriverError && error.code === 'not_found') {
        throw new JobFailure('container_vanished', 'The container vanished while it was being started.', {
          retryable: true,
          cause: error,
        });
      }
      throw error;
    }
  }
}
