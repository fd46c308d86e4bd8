import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { workspaceSpec } from '../../containers/workspace-spec.js';
import { ContainerRuntime } from '../../runtime/container-runtime.js';
import { EngineMonitor } from '../../runtime/engine-monitor.js';
import { ProvisioningStep, type StepContext } from '../step.js';
import { requireImage } from './require-image.js';

/** Creates the container and its volumes, or finds them. */
@Injectable()
export class CreateWorkspaceStep extends ProvisioningStep {
  readonly name = 'container';
  readonly status = 'creating';
  readonly weight = 10;

  constructor(
    private readonly runtime: ContainerRuntime,
    private readonly engine: EngineMonitor,
    private readonly settings: Settings,
  ) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const spec = workspaceSpec(
      context.row,
      requireImage(context.row),
      await this.engine.info(),
      this.settings.agentEnv,
    );
    const { dockerId } = await this.runtime.containers.create(spec);
    context.remember({ dockerId });
  }
}
