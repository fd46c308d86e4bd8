import { Injectable } from '@nestjs/common';
import { GitAgent } from '../../git-keys/git-agent.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { ProvisioningStep, type StepContext } from '../step.js';
import { requireImage } from './require-image.js';

/** Starts the sidecar that holds the Git key, for a container that was given one. */
@Injectable()
export class StartGitAgentStep extends ProvisioningStep {
  readonly name = 'git-agent';
  readonly status = 'creating';
  readonly weight = 5;

  constructor(private readonly agent: GitAgent) {
    super();
  }

  override isNeeded({ sshKeyPath }: ContainerRow): boolean {
    return sshKeyPath !== null;
  }

  run(context: StepContext): Promise<void> {
    return this.agent.ensure(context.row, requireImage(context.row), context.signal);
  }
}
