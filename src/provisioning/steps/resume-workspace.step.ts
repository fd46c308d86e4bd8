import { Injectable } from '@nestjs/common';
import { GitAgent } from '../../containers/git-agent.js';
import { ContainerRuntime } from '../../runtime/container-runtime.js';
import { ProvisioningStep, type StepContext } from '../step.js';
import { requireImage } from './require-image.js';

/** Makes sure that what the clone runs in is up: the engine may have gone down since it was started. */
@Injectable()
export class ResumeWorkspaceStep extends ProvisioningStep {
  readonly name = 'resume';
  readonly status = 'cloning';
  readonly weight = 5;

  constructor(
    private readonly runtime: ContainerRuntime,
    private readonly agent: GitAgent,
  ) {
    super();
  }

  async run({ row, signal }: StepContext): Promise<void> {
    await this.agent.ensure(row, requireImage(row), signal);
    await this.runtime.containers.start(row.dockerId!);
  }
}
