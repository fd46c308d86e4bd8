import { Injectable } from '@nestjs/common';
import { WORKSPACE_NETWORK } from '../../workspace/container-names.js';
import { ContainerEngine } from '../../drivers/docker/engine/container-engine.js';
import { LABEL_MANAGED, LABEL_ROLE } from '../../drivers/docker/labels.js';
import { ProvisioningStep } from '../step.js';

/** Makes the bridge that all workspaces share. */
@Injectable()
export class EnsureNetworkStep extends ProvisioningStep {
  readonly name = 'network';
  readonly status = 'creating';
  readonly weight = 5;
  override readonly passing = true;

  constructor(private readonly runtime: ContainerEngine) {
    super();
  }

  async run(): Promise<void> {
    await this.runtime.networks.ensureIsolatedBridge(WORKSPACE_NETWORK, {
      [LABEL_MANAGED]: 'true',
      [LABEL_ROLE]: 'network',
    });
  }
}
