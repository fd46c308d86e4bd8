import { Injectable } from '@nestjs/common';
import { type EnsureStage, WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import { WorkspaceSpecs } from '../../workspace/workspace-specs.js';
import type { WorkspaceSpec } from '../../drivers/workspace.js';
import { asCreated } from '../../containers/lifecycle/as-created.js';
import type { ContainerPatch } from '../../persistence/containers/containers.repository.js';
import { WarmPool } from '../../warm-pool/warm-pool.js';
import { ProvisioningStep, type Stage, type StepContext } from '../step.js';

const STAGES: Record<EnsureStage, Stage> = {
  network: { name: 'network', offset: 0, weight: 5, passing: true },
  'git-agent': { name: 'git-agent', offset: 5, weight: 5 },
  container: { name: 'container', offset: 10, weight: 10 },
};

/** Creates the workspace and everything it needs, or finds it; each stage of that shows in the job as a step. */
@Injectable()
export class EnsureWorkspaceStep extends ProvisioningStep {
  readonly name = 'network';
  readonly status = 'creating';
  readonly weight = 20;
  override readonly passing = true;

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly specs: WorkspaceSpecs,
    private readonly secrets: WorkspaceSecretsPublisher,
    private readonly pool: WarmPool,
  ) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const { row, signal } = context;
    const spec = await this.specs.of(row);
    const isClaimed = row.provisioning === 'warm' && row.runtimeId === null;
    const claimed = isClaimed ? await this.pool.take(spec, signal) : null;
    context.isUp = claimed !== null;
    const made = claimed ?? (await this.make(context, spec, isClaimed));
    // Before anything runs in it that may need them.
    await this.secrets.publish(row);
    context.remember({ recreate: false, ...made });
  }

  /** @param isWrong the workspace that is there cannot become that of the container */
  private async make(context: StepContext, spec: WorkspaceSpec, isWrong: boolean): Promise<ContainerPatch> {
    const { row, signal } = context;
    const onStage = (stage: EnsureStage): Promise<void> => context.enterStage(STAGES[stage]);
    const { runtimeId } =
      row.recreate || isWrong
        ? await this.driver.replace(spec, onStage, signal)
        : await this.driver.ensure(spec, onStage, signal);
    return { runtimeId, ...asCreated(row, runtimeId), ...(isWrong ? { provisioning: 'cold' } : {}) };
  }
}
