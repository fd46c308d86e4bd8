import { Global, Module } from '@nestjs/common';
import { DockerWorkspaceDriver } from './docker/docker-workspace-driver.js';
import { DockerEngineClient } from './docker/engine/docker-engine-client.js';
import { EngineClient } from './docker/engine/engine-client.js';
import { DockerEgressGateway } from './docker/gateway/docker-egress-gateway.js';
import { EgressGateway } from './docker/gateway/egress-gateway.js';
import { WorkspaceImages } from './docker/images/workspace-images.js';
import { UsageSources } from './docker/usage/usage-sources.js';
import { EngineMonitor } from './engine-monitor.js';
import { WorkspaceDriver } from './workspace-driver.js';

@Global()
@Module({
  providers: [
    { provide: EngineClient, useClass: DockerEngineClient },
    WorkspaceImages,
    UsageSources,
    { provide: EgressGateway, useClass: DockerEgressGateway },
    { provide: WorkspaceDriver, useClass: DockerWorkspaceDriver },
    EngineMonitor,
  ],
  exports: [WorkspaceDriver, EngineMonitor],
})
export class DriversModule {}
