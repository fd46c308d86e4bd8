import { Injectable } from '@nestjs/common';
import { GitAgent } from '../../git-keys/git-agent.js';
import { ContainerEngine } from '../../drivers/docker/engine/container-engine.js';
import { ProvisioningStep, type StepContext } from '../step.js';
import { requireImage } from './require-image.js';

/** Makes sure that what the clone runs in is up: the engine may have gone down since it was started. */
@Injectable()
export class ResumeWorkspaceStep extends ProvisioningStep {
  readonly name = 'resume';
  readonly status = 'cloning';
  readonly weight = 5;

  constructor(
    private readonly runtime: ContainerEngine,
    private readonly agent: GitAgent,
  ) {
    super();
  }

  async run({ row, signal }: StepContext): Promise<void> {
    await this.agent.ensure(row, requireImage(row), signal);
    await this.runtime.containers.start(row.dockerId!);
  }
}
