import { Module } from '@nestjs/common';
import { AgentStates } from '../agent-state/agent-states.js';
import { ContainerChanges } from './lifecycle/container-changes.js';
import { ContainerCreator } from './lifecycle/container-creator.js';
import { ContainerLeases } from '../leases/container-leases.js';
import { ContainerLifecycleService } from './lifecycle/container-lifecycle.service.js';
import { ContainerReconciliation } from './reconciliation/container-reconciliation.js';
import { ContainerRepairs } from './reconciliation/container-repairs.js';
import { ContainerPower } from './lifecycle/container-power.js';
import { ContainerRemoval } from './lifecycle/container-removal.js';
import { ContainerStore } from './lifecycle/container-store.js';
import { ContainerView } from './container-view.js';
import { ContainerWaiter } from './lifecycle/container-waiter.js';
import { ContainersController } from './containers.controller.js';
import { ContainersService } from './containers.service.js';
import { DiskGuard } from './reconciliation/disk-guard.js';
import { DiskUsage } from '../usage/disk-usage.js';
import { JobsController } from './jobs.controller.js';
import { KeptVolumes } from './lifecycle/kept-volumes.js';
import { MachineLimits } from '../workspace/machine-limits.js';
import { OrphanSweeper } from './reconciliation/orphan-sweeper.js';
import { PausedWorkspaces } from '../workspace/paused-workspaces.js';
import { RebuildService } from './lifecycle/rebuild.service.js';
import { Reconciler } from './reconciliation/reconciler.js';
import { ReprovisionService } from './lifecycle/reprovision.service.js';
import { SiteAddresses } from '../sites/site-addresses.js';
import { SshKeys } from '../git-keys/ssh-keys.js';
import { StatusGateway } from './status.gateway.js';
import { AgentCredentials } from '../workspace/agent-credentials.js';
import { VolumesController } from './volumes.controller.js';
import { WorkspaceSpecs } from '../workspace/workspace-specs.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';

@Module({
  controllers: [ContainersController, JobsController, VolumesController],
  providers: [
    AgentStates,
    ContainerChanges,
    ContainerCreator,
    ContainerLeases,
    ContainerLifecycleService,
    ContainerReconciliation,
    ContainerPower,
    ContainerRemoval,
    ContainerRepairs,
    ContainersService,
    ContainerStore,
    ContainerView,
    ContainerWaiter,
    DiskGuard,
    DiskUsage,
    KeptVolumes,
    MachineLimits,
    OrphanSweeper,
    PausedWorkspaces,
    RebuildService,
    Reconciler,
    ReprovisionService,
    SiteAddresses,
    SshKeys,
    StatusGateway,
    WorkspacePrograms,
    AgentCredentials,
    WorkspaceSpecs,
  ],
  exports: [
    AgentStates,
    ContainerLeases,
    ContainerLifecycleService,
    ContainersService,
    ContainerView,
    DiskUsage,
    ContainerStore,
    MachineLimits,
    PausedWorkspaces,
    SiteAddresses,
    WorkspacePrograms,
    AgentCredentials,
    WorkspaceSpecs,
  ],
})
export class ContainersModule {}
