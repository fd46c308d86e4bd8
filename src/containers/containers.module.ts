import { Module } from '@nestjs/common';
import { AgentStates } from './agent-states.js';
import { ContainerAcceptance } from './container-acceptance.js';
import { ContainerLeases } from './container-leases.js';
import { ContainerLifecycleService } from './container-lifecycle.service.js';
import { ContainerReconciliation } from './container-reconciliation.js';
import { ContainerRepairs } from './container-repairs.js';
import { ContainerRemoval } from './container-removal.js';
import { ContainerStore } from './container-store.js';
import { ContainerView } from './container-view.js';
import { ContainerWaiter } from './container-waiter.js';
import { ContainersController } from './containers.controller.js';
import { ContainersService } from './containers.service.js';
import { DiskGuard } from './disk-guard.js';
import { DiskUsage } from './disk-usage.js';
import { GitAgent } from './git-agent.js';
import { JobsController } from './jobs.controller.js';
import { Leftovers } from './leftovers.js';
import { Reconciler } from './reconciler.js';
import { Reprovisioning } from './reprovisioning.js';
import { SiteAddresses } from './site-addresses.js';
import { SshKeys } from './ssh-keys.js';
import { StatusGateway } from './status.gateway.js';
import { WorkspaceTools } from './workspace-tools.js';

@Module({
  controllers: [ContainersController, JobsController],
  providers: [
    AgentStates,
    ContainerAcceptance,
    ContainerLeases,
    ContainerLifecycleService,
    ContainerReconciliation,
    ContainerRemoval,
    ContainerRepairs,
    ContainersService,
    ContainerStore,
    ContainerView,
    ContainerWaiter,
    DiskGuard,
    DiskUsage,
    GitAgent,
    Leftovers,
    Reconciler,
    Reprovisioning,
    SiteAddresses,
    SshKeys,
    StatusGateway,
    WorkspaceTools,
  ],
  exports: [
    AgentStates,
    ContainerLeases,
    ContainerLifecycleService,
    ContainersService,
    ContainerView,
    DiskUsage,
    ContainerStore,
    GitAgent,
    SiteAddresses,
    WorkspaceTools,
  ],
})
export class ContainersModule {}
