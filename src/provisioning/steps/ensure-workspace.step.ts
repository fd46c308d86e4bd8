import { Injectable } from '@nestjs/common';
import { type EnsureStage, WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { WorkspaceSpecs } from '../../workspace/workspace-specs.js';
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
  ) {
    super();
  }

  async run(context: StepContext): Promise<void> {
    const { row, signal } = context;
    const spec = this.specs.of(row);
    const onStage = (stage: EnsureStage): Promise<void> => context.enterStage(STAGES[stage]);
    const { runtimeId } = row.recreate
      ? await this.driver.replace(spec, onStage, signal)
      : await this.driver.ensure(spec, onStage, signal);
    // A workspace that was there already has what it was created with.
    const pendingChanges = runtimeId === row.runtimeId ? row.pendingChanges : [];
    context.remember({ runtimeId, recreate: false, pendingChanges });
  }
}
