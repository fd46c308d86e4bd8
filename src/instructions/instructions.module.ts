import { Module } from '@nestjs/common';
import { SpendModule } from '../spend/spend.module.js';
import { ContainersModule } from '../containers/containers.module.js';
import { RunnerClient } from './runner/runner-client.js';
import { InstructionTarget } from './api/instruction-target.js';
import { InstructionCreator } from './api/instruction-creator.js';
import { InstructionCancellation } from './api/instruction-cancellation.js';
import { InstructionChanges } from './follow/instruction-changes.js';
import { InstructionPermissionsService } from './api/instruction-permissions.service.js';
import { InstructionSpendController } from './api/instruction-spend.controller.js';
import { InstructionView } from './api/instruction-view.js';
import { InstructionsController } from './api/instructions.controller.js';
import { ContainerForksController } from './api/container-forks.controller.js';
import { InstructedForks } from './api/instructed-forks.js';
import { InstructionsService } from './api/instructions.service.js';
import { EventFeed } from './output/event-feed.js';
import { InstructionOutputController } from './output/instruction-output.controller.js';
import { InstructionSubscriptions } from './output/instruction-subscriptions.js';
import { InstructionsGateway } from './output/instructions.gateway.js';
import { BudgetEnds } from './follow/budget-ends.js';
import { DiffStorage } from './follow/diff-storage.js';
import { EventWriterFactory } from './follow/event-writer.js';
import { InstructionLeases } from './queue/instruction-leases.js';
import { InstructionFollower } from './follow/instruction-follower.js';
import { InstructionWorker } from './queue/instruction-worker.js';
import { InstructionQueue } from './queue/instruction-queue.js';
import { InstructionStorage } from './follow/instruction-storage.js';
import { RunCleanup } from './queue/run-cleanup.js';

@Module({
  imports: [ContainersModule, SpendModule],
  controllers: [
    ContainerForksController,
    InstructionsController,
    InstructionOutputController,
    InstructionSpendController,
  ],
  providers: [
    BudgetEnds,
    DiffStorage,
    EventFeed,
    EventWriterFactory,
    InstructionLeases,
    InstructionStorage,
    InstructionCreator,
    InstructionTarget,
    InstructionCancellation,
    InstructionChanges,
    InstructionFollower,
    InstructionPermissionsService,
    InstructionWorker,
    RunnerClient,
    InstructionQueue,
    InstructionSubscriptions,
    InstructionsGateway,
    InstructionsService,
    InstructionView,
    RunCleanup,
    InstructedForks,
  ],
})
export class InstructionsModule {}
