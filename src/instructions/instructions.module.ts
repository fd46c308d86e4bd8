import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { AgentReporter } from './agent-reporter.js';
import { InstructionRunner } from './claude-code/instruction-runner.js';
import { InstructionAcceptance } from './instruction-acceptance.js';
import { InstructionCancellation } from './instruction-cancellation.js';
import { InstructionChanges } from './instruction-changes.js';
import { InstructionPermissionsService } from './instruction-permissions.service.js';
import { InstructionView } from './instruction-view.js';
import { InstructionsController } from './instructions.controller.js';
import { InstructionsService } from './instructions.service.js';
import { EventFeed } from './output/event-feed.js';
import { InstructionOutputController } from './output/instruction-output.controller.js';
import { InstructionsGateway } from './output/instructions.gateway.js';
import { DiffStorage } from './runs/diff-storage.js';
import { EventStores } from './runs/event-writer.js';
import { HeldInstructions } from './runs/held-instructions.js';
import { InstructionFollower } from './runs/instruction-follower.js';
import { InstructionRun } from './runs/instruction-run.js';
import { InstructionRuns } from './runs/instruction-runs.js';
import { RunAftermath } from './runs/run-aftermath.js';

@Module({
  imports: [ContainersModule],
  controllers: [InstructionsController, InstructionOutputController],
  providers: [
    AgentReporter,
    DiffStorage,
    EventFeed,
    EventStores,
    HeldInstructions,
    InstructionAcceptance,
    InstructionCancellation,
    InstructionChanges,
    InstructionFollower,
    InstructionPermissionsService,
    InstructionRun,
    InstructionRunner,
    InstructionRuns,
    InstructionsGateway,
    InstructionsService,
    InstructionView,
    RunAftermath,
  ],
})
export class InstructionsModule {}
