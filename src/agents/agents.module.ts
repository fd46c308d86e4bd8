import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { AgentWatches } from './agent-watches.js';

@Module({ imports: [ContainersModule], providers: [AgentWatches] })
export class AgentsModule {}
