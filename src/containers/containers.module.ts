import { Module } from '@nestjs/common';
import { AgentStates } from '../agent-state/agent-states.js';
import { ModelProblems } from '../agent-state/model-problems.js';
import { AutoStop } from './activity/auto-stop.js';
import { ContainerActivity } from './activity/container-activity.js';
import { ContainerObservations } from './activity/container-observations.js';
import { ContainerChanges } from './lifecycle/container-changes.js';
import { ContainerCreator } from './lifecycle/container-creator.js';
import { CreatePreconditions } from './lifecycle/create-preconditions.js';
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
import { CredentialsModule } from '../credentials/credentials.module.js';
import { EgressModule } from '../egress/egress.module.js';
import { DenialStore } from './egress/denial-store.js';
import { EgressChanges } from './egress/egress-changes.js';
import { EgressController } from './egress/egress.controller.js';
import { GatewayReports } from './egress/gateway-reports.js';
import { EgressWatch } from './egress/egress-watch.js';
import { SecretWithdrawal } from './egress/secret-withdrawal.js';
import { ContainerSpendController } from './spend/container-spend.controller.js';
import { ProjectBudgets } from './spend/project-budgets.js';
import { ProjectSpendController } from './spend/project-spend.controller.js';
import { SpendModule } from '../spend/spend.module.js';
import { DiskGuard } from './reconciliation/disk-guard.js';
import { DiskUsage } from '../usage/disk-usage.js';
import { JobsController } from './jobs.controller.js';
import { KeptVolumes } from './lifecycle/kept-volumes.js';
import { MachineLimits } from '../workspace/machine-limits.js';
import { OrphanSweeper } from './reconciliation/orphan-sweeper.js';
import { PausedWorkspaces } from '../workspace/paused-workspaces.js';
import { RebuildService } from './lifecycle/rebuild.service.js';
import { QueueDepth } from './lifecycle/queue-depth.js';
import { Reconciler } from './reconciliation/reconciler.js';
import { ReprovisionService } from './lifecycle/reprovision.service.js';
import { ScheduleFollower } from './schedule/schedule-follower.js';
import { SiteAddresses } from '../sites/site-addresses.js';
import { ContainerForks } from './snapshots/container-forks.js';
import { SnapshotKeeper } from './snapshots/snapshot-keeper.js';
import { SnapshotMaker } from './snapshots/snapshot-maker.js';
import { SnapshotStore } from './snapshots/snapshot-store.js';
import { SnapshotsController } from './snapshots/snapshots.controller.js';
import { SnapshotsService } from './snapshots/snapshots.service.js';
import { StatusGateway } from './status.gateway.js';
import { AgentCredentials } from '../workspace/agent-credentials.js';
import { ModelCredential } from '../workspace/model-credential.js';
import { WorkspaceSecretsPublisher } from '../workspace/workspace-secrets.js';
import { VolumesController } from './volumes.controller.js';
import { ImagePolicy } from '../workspace/image-policy.js';
import { SpecRules } from '../workspace/spec-rules.js';
import { WorkspaceSpecs } from '../workspace/workspace-specs.js';
import { WarmPool } from '../warm-pool/warm-pool.js';
import { WarmPoolCounters } from '../warm-pool/warm-pool-counters.js';
import { WarmPoolKeeper } from '../warm-pool/warm-pool-keeper.js';
import { WarmWorkspaceMaker } from '../warm-pool/warm-workspace-maker.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import { ContainerSnapshots } from './container-snapshots.js';

@Module({
  imports: [CredentialsModule, EgressModule, SpendModule],
  controllers: [
    ContainersController,
    ContainerSpendController,
    EgressController,
    JobsController,
    ProjectSpendController,
    SnapshotsController,
    VolumesController,
  ],
  providers: [
    AgentStates,
    AutoStop,
    ContainerActivity,
    ContainerObservations,
    ContainerChanges,
    ContainerCreator,
    CreatePreconditions,
    ContainerLeases,
    ContainerLifecycleService,
    ContainerReconciliation,
    ContainerPower,
    ContainerRemoval,
    ContainerRepairs,
    ContainerSnapshots,
    ContainersService,
    ContainerStore,
    ContainerView,
    ContainerWaiter,
    DenialStore,
    DiskGuard,
    DiskUsage,
    EgressChanges,
    EgressWatch,
    GatewayReports,
    KeptVolumes,
    MachineLimits,
    ModelProblems,
    OrphanSweeper,
    PausedWorkspaces,
    ProjectBudgets,
    QueueDepth,
    RebuildService,
    Reconciler,
    ReprovisionService,
    ScheduleFollower,
    SecretWithdrawal,
    ContainerForks,
    SnapshotKeeper,
    SnapshotMaker,
    SnapshotStore,
    SnapshotsService,
    SiteAddresses,
    ImagePolicy,
    SpecRules,
    StatusGateway,
    WarmPool,
    WarmPoolCounters,
    WarmPoolKeeper,
    WarmWorkspaceMaker,
    WorkspacePrograms,
    AgentCredentials,
    ModelCredential,
    WorkspaceSecretsPublisher,
    WorkspaceSpecs,
  ],
  exports: [
    AgentStates,
    ContainerActivity,
    ContainerForks,
    ContainerLeases,
    ContainerLifecycleService,
    ContainersService,
    ContainerView,
    DiskUsage,
    ContainerStore,
    MachineLimits,
    ModelProblems,
    PausedWorkspaces,
    SiteAddresses,
    WarmPool,
    WarmPoolCounters,
    WorkspacePrograms,
    AgentCredentials,
    WorkspaceSecretsPublisher,
    WorkspaceSpecs,
  ],
})
export class ContainersModule {}
