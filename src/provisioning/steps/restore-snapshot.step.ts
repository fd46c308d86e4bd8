import { Injectable } from '@nestjs/common';
import { JobFailure } from '../../common/errors/job-failure.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { WorkspaceSpecs } from '../../workspace/workspace-specs.js';
import { ProvisioningStep, type StepContext } from '../step.js';

/** Gives a container that begins with a snapshot its files, before it starts for the first time. */
@Injectable()
export class RestoreSnapshotStep extends ProvisioningStep {
  readonly name = 'restore';
  readonly status = 'creating';
  readonly weight = 0;
  override readonly passing = true;

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly specs: WorkspaceSpecs,
  ) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const { row, signal } = context;
    const { snapshotId } = row;
    if (snapshotId === null || row.workspaceReady) return;
    try {
      const image = await this.driver.prepare({ template: row.template }, () => undefined, signal);
      await this.driver.restoreSnapshot(await this.specs.of(row), snapshotId, image, signal);
    } catch (error) {
      if (error instanceof DriverError && error.code === 'not_found')
        throw new JobFailure('snapshot_missing', 'The snapshot of the container does not exist any more.', {
          cause: error,
        });
      throw error;
    }
    context.remember({ workspaceReady: true });
  }
}
