import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { ClonePipeline } from './clone.pipeline.js';
import { CloneProcessor } from './clone.processor.js';
import { CreatePipeline } from './create.pipeline.js';
import { CreateProcessor } from './create.processor.js';
import { FailedWorkspace } from './failed-workspace.js';
import { ProvisioningRunner } from './provisioning-runner.js';
import { CloneRepositoryStep } from './steps/clone-repository.step.js';
import { EnsureImageStep } from './steps/ensure-image.step.js';
import { EnsureWorkspaceStep } from './steps/ensure-workspace.step.js';
import { SetUpWorkspaceStep } from './steps/set-up-workspace.step.js';
import { ResumeWorkspaceStep } from './steps/resume-workspace.step.js';
import { ForkBranchStep } from './steps/fork-branch.step.js';
import { RestoreSnapshotStep } from './steps/restore-snapshot.step.js';
import { StartWorkspaceStep } from './steps/start-workspace.step.js';

@Module({
  imports: [ContainersModule],
  providers: [
    EnsureImageStep,
    EnsureWorkspaceStep,
    RestoreSnapshotStep,
    StartWorkspaceStep,
    ForkBranchStep,
    ResumeWorkspaceStep,
    CloneRepositoryStep,
    SetUpWorkspaceStep,
    FailedWorkspace,
    ProvisioningRunner,
    CreatePipeline,
    ClonePipeline,
    CreateProcessor,
    CloneProcessor,
  ],
})
export class ProvisioningModule {}
