import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { workspaceSpec } from '../../workspace/workspace-spec.js';
import { ContainerEngine } from '../../drivers/docker/engine/container-engine.js';
import { EngineMonitor } from '../../drivers/engine-monitor.js';
import { ProvisioningStep, type StepContext } from '../step.js';
import { requireImage } from './require-image.js';

/** Creates the container and its volumes, or finds them. */
@Injectable()
export class CreateWorkspaceStep extends ProvisioningStep {
  readonly name = 'container';
  readonly status = 'creating';
  readonly weight = 10;

  constructor(
    private readonly runtime: ContainerEngine,
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
