import { Injectable } from '@nestjs/common';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { ProvisioningStep, type StepContext } from '../step.js';

/** Makes sure that the engine has the image of the container's template. */
@Injectable()
export class EnsureImageStep extends ProvisioningStep {
  readonly name = 'image';
  readonly status = 'creating';
  readonly weight = 60;

  constructor(private readonly driver: WorkspaceDriver) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const image = await this.driver.prepare(
      context.row.template,
      ({ percent, line }) => context.report(percent, line),
      context.signal,
    );
    if (context.row.image !== image) context.remember({ image });
  }
}
