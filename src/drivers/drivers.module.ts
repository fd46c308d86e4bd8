import { Global, Module } from '@nestjs/common';
import { ContainerEngine } from './docker/engine/container-engine.js';
import { DockerodeEngine } from './docker/engine/dockerode-engine.js';
import { EngineMonitor } from './engine-monitor.js';

@Global()
@Module({
  providers: [{ provide: ContainerEngine, useClass: DockerodeEngine }, EngineMonitor],
  exports: [ContainerEngine, EngineMonitor],
})
export class DriversModule {}
