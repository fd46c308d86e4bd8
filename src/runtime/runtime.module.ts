import { Global, Module } from '@nestjs/common';
import { ContainerRuntime } from './container-runtime.js';
import { DockerRuntime } from './docker/docker-runtime.js';
import { EngineMonitor } from './engine-monitor.js';

@Global()
@Module({
  providers: [{ provide: ContainerRuntime, useClass: DockerRuntime }, EngineMonitor],
  exports: [ContainerRuntime, EngineMonitor],
})
export class RuntimeModule {}
