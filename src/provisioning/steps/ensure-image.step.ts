import { Injectable } from '@nestjs/common';
import { WorkspaceImages } from '../../drivers/docker/images/workspace-images.js';
import { ProvisioningStep, type StepContext } from '../step.js';

/** Builds the workspace image when it is missing. */
@Injectable()
export class EnsureImageStep extends ProvisioningStep {
  readonly name = 'image';
  readonly status = 'creating';
  readonly weight = 60;

  constructor(private readonly images: WorkspaceImages) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const image = await this.images.ensure(
      context.row.template,
      ({ percent, line }) => context.report(percent, line),
      context.signal,
    );
    if (context.row.image !== image) context.remember({ image });
  }
}
