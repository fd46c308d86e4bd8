import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { ImagesModule } from '../drivers/docker/images/images.module.js';
import { ClonePipeline } from './clone.pipeline.js';
import { CloneProcessor } from './clone.processor.js';
import { CREATE_STEPS, CreatePipeline, CreateSteps } from './create.pipeline.js';
import { CreateProcessor } from './create.processor.js';
import { FailedWorkspace } from './failed-workspace.js';
import { ProvisioningRunner } from './provisioning-runner.js';
import type { ProvisioningStep } from './step.js';
import { CloneRepositoryStep } from './steps/clone-repository.step.js';
import { ResumeWorkspaceStep } from './steps/resume-workspace.step.js';

@Module({
  imports: [ContainersModule, ImagesModule],
  providers: [
    ...CREATE_STEPS,
    ResumeWorkspaceStep,
    CloneRepositoryStep,
    { provide: CreateSteps, useFactory: (...steps: ProvisioningStep[]) => steps, inject: [...CREATE_STEPS] },
    FailedWorkspace,
    ProvisioningRunner,
    CreatePipeline,
    ClonePipeline,
    CreateProcessor,
    CloneProcessor,
  ],
})
export class ProvisioningModule {}
