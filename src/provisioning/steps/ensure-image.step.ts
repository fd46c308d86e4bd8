import { Injectable } from '@nestjs/common';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { imageRequestOf } from '../../workspace/image-request.js';
import { ProvisioningStep, type StepContext } from '../step.js';

/** Makes sure that the engine has the container's image. */
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
      imageRequestOf(context.row),
      ({ percent, line }) => context.report(percent, line),
      context.signal,
    );
    if (context.row.image !== image) context.remember({ image });
  }
}
