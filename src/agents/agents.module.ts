import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { AgentWatches } from './agent-watches.js';
import { InstructionActivityReporter } from './instruction-activity-reporter.js';

@Module({ imports: [ContainersModule], providers: [AgentWatches, InstructionActivityReporter] })
export class AgentsModule {}
