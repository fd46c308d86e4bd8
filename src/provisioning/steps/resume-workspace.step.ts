import { Injectable } from '@nestjs/common';
import { asCreated } from '../../containers/lifecycle/as-created.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { WorkspaceSpecs } from '../../workspace/workspace-specs.js';
import { ProvisioningStep, type StepContext } from '../step.js';

/** Makes sure that the workspace to clone into is up: the engine may have restarted since it was started. */
@Injectable()
export class ResumeWorkspaceStep extends ProvisioningStep {
  readonly name = 'resume';
  readonly status = 'cloning';
  readonly weight = 5;

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly specs: WorkspaceSpecs,
  ) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const { row, signal } = context;
    const { runtimeId } = await this.driver.startAgain(workspaceOf(row), await this.specs.of(row), signal);
    if (runtimeId !== row.runtimeId) context.remember({ runtimeId, ...asCreated(row, runtimeId) });
  }
}
