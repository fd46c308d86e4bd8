import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import {
  type DriverCapabilities,
  type EngineInfo,
  type ImageProgress,
  type ImageRequest,
  type RemoveOptions,
  type SavedSnapshot,
  type StageListener,
  WorkspaceDriver,
} from '../workspace-driver.js';
import type { SpendingRules, SpendRecords } from '../workspace-spend.js';
import type { DenialWatch, EgressRule, WorkspaceEgress, WorkspaceSecrets } from '../workspace-egress.js';
import type { LogRecord, LogRequest } from '../workspace-logs.js';
import {
  type ExecRequest,
  type ExecResult,
  type ProcessRequest,
  withAddedEnv,
  type WorkspaceProcess,
} from '../workspace-process.js';
import type { UsageSource } from '../workspace-usage.js';
import {
  type ListedWorkspace,
  type ObservedWorkspace,
  type OrphanedWorkspace,
  type WorkspaceEvent,
  type WorkspaceRef,
  type WorkspaceSpec,
} from '../workspace.js';
import { type ContainerLimits, EngineClient, type InspectedContainer } from './engine/engine-client.js';
import { DriverError } from '../driver-error.js';
import type { EngineProfile } from './engine/profile/engine-profile.js';
import { shortcomingsOf } from './engine/profile/unsuitable-engine.js';
import { EgressGateway } from './gateway/egress-gateway.js';
import { GitAgent } from './git-agent.js';
import { CustomImages } from './images/custom-images.js';
import { WorkspaceImages } from './images/workspace-images.js';
import { LABEL_ID, LABEL_ROLE } from './labels.js';
import { PackageRules } from './package-rules.js';
import { UsageSources } from './usage/usage-sources.js';
import { fingerprintOf } from './fingerprint.js';
import { hasGateway, WorkspaceCreation } from './workspace-creation.js';
import { WorkspaceDisk } from './workspace-disk.js';
import { toWorkspaceEvent } from './workspace-events.js';
import { WorkspaceObjects } from './workspace-objects.js';
import { WorkspaceSnapshots } from './workspace-snapshots.js';

type Limits = Parameters<WorkspaceDriver['resize']>[1];

/** Workspaces as containers of a Docker Engine, each with named volumes and, for a Git key, a sidecar container. */
@Injectable()
export class DockerWorkspaceDriver extends WorkspaceDriver {
  readonly kind = 'docker';
  private readonly objects: WorkspaceObjects;
  private readonly gitAgent: GitAgent;
  private readonly creation: WorkspaceCreation;
  private readonly disk: WorkspaceDisk;
  private readonly packages: PackageRules;
  private readonly custom: CustomImages;
  private readonly snapshots: WorkspaceSnapshots;
  private profile: EngineProfile | undefined;

  constructor(
    private readonly engine: EngineClient,
    private readonly images: WorkspaceImages,
    private readonly usageSources: UsageSources,
    private readonly gateway: EgressGateway,
    clock: Clock,
  ) {
    super();
    this.objects = new WorkspaceObjects(engine, clock);
    this.custom = new CustomImages(engine, images);
    this.gitAgent = new GitAgent(engine, this.objects, clock);
    this.creation = new WorkspaceCreation(engine, this.objects, this.gitAgent, gateway);
    this.disk = new WorkspaceDisk(engine, clock);
    this.packages = new PackageRules(engine);
    this.snapshots = new WorkspaceSnapshots(engine, this.objects);
  }

  /** Those of an engine that has not answered yet are Docker's. */
  get capabilities(): DriverCapabilities {
    const { limits, canPause, canFence } = this.profile ?? { limits: {}, canPause: true, canFence: true };
    const resourceLimits = !Object.values(limits).includes(false);
    return {
      pause: canPause,
      snapshot: canPause,
      hardDiskLimit: false,
      fence: canFence,
      resourceLimits,
      customImages: true,
    };
  }

  ping(): Promise<void> {
    return this.engine.system.ping();
  }

  async info(): Promise<EngineInfo> {
    this.profile = await this.engine.system.info();
    const { name, version, cpus, memoryMiB } = this.profile;
    return { name, version, cpus, memoryMiB, shortcomings: shortcomingsOf(this.profile) };
  }

  async watch(onEvent: (event: WorkspaceEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void> {
    await this.engine.system.watch(
      (engineEvent) => {
        const event = toWorkspaceEvent(engineEvent);
        if (event !== undefined) onEvent(event);
      },
      signal,
      onReady,
    );
  }

  async prepare(
    request: ImageRequest,
    onProgress: (progress: ImageProgress) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const image = await this.custom.ensure(request, onProgress, signal);
    if ((await this.engine.system.info()).canFence) await this.images.ensure('gateway', onProgress, signal);
    return image;
  }

  ensure(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    return this.creation.ensure(spec, onStage, signal);
  }

  replace(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    return this.creation.replace(spec, onStage, signal);
  }

  async fingerprint(spec: WorkspaceSpec): Promise<string> {
    return fingerprintOf(spec, await this.engine.system.info());
  }

  async claim({ id, runtimeId }: WorkspaceRef, spec: WorkspaceSpec, signal: AbortSignal): Promise<boolean> {
    const existing = await this.objects.inspectWorkspace(id);
    if (existing?.dockerId !== runtimeId || existing.state !== 'running') return false;
    const { cpuLimit, memoryLimit } = await this.limitsOf(spec.limits);
    const isResized = existing.limits.cpuLimit !== cpuLimit || existing.limits.memoryLimit !== memoryLimit;
    if (isResized) await this.engine.containers.update(runtimeId, { cpuLimit, memoryLimit });
    if (hasGateway(existing)) await this.gateway.setEgress(id, spec.egress, signal);
    return true;
  }

  /** The folder of its egress volume must exist, which it does not when the gateway was removed meanwhile. */
  async start({ id, runtimeId }: WorkspaceRef): Promise<void> {
    const existing = await this.engine.containers.inspect(runtimeId);
    if (existing !== null && hasGateway(existing)) await this.gateway.open(id);
    await this.engine.containers.start(runtimeId);
  }

  async startAgain(ref: WorkspaceRef, spec: WorkspaceSpec, signal: AbortSignal): Promise<WorkspaceRef> {
    const { id, image, readGitKey } = spec;
    if (readGitKey !== null) await this.gitAgent.ensure(id, image, readGitKey, signal);
    const current = await this.creation.renew(ref, spec, signal);
    await this.engine.containers.start(current.runtimeId);
    return current;
  }

  async stop(id: string, graceSeconds: number): Promise<void> {
    const workspace = await this.objects.inspectWorkspace(id);
    try {
      if (workspace === null) throw new DriverError('not_found', `stop ${id}: no such workspace`);
      await this.engine.containers.stop(workspace.dockerId, graceSeconds);
    } finally {
      // The agent of a workspace that vanished is stopped as well.
      await this.gitAgent.stop(id);
    }
  }

  async resize({ runtimeId }: WorkspaceRef, limits: Limits): Promise<void> {
    await this.engine.containers.update(runtimeId, await this.limitsOf(limits));
  }

  pause({ runtimeId }: WorkspaceRef): Promise<void> {
    return this.engine.containers.pause(runtimeId);
  }

  unpause({ runtimeId }: WorkspaceRef): Promise<void> {
    return this.engine.containers.unpause(runtimeId);
  }

  async remove(id: string, options: RemoveOptions): Promise<void> {
    await this.objects.remove(id, options);
    await this.gateway.remove(id);
  }

  saveSnapshot(ref: WorkspaceRef, snapshotId: string, image: string, signal: AbortSignal): Promise<SavedSnapshot> {
    return this.snapshots.save(ref, snapshotId, image, signal);
  }

  restoreSnapshot(spec: WorkspaceSpec, snapshotId: string, image: string, signal: AbortSignal): Promise<void> {
    return this.snapshots.restore(spec, snapshotId, image, signal);
  }

  removeSnapshot(snapshotId: string): Promise<void> {
    return this.snapshots.remove(snapshotId);
  }

  listData(): Promise<string[]> {
    return this.objects.listData();
  }

  async sweep(findOrphans: (ids: string[]) => Promise<OrphanedWorkspace[]>): Promise<string[]> {
    const atGateway = await this.gateway.list();
    const removed = await this.objects.sweep(findOrphans, atGateway);
    for (const id of removed) if (atGateway.includes(id)) await this.gateway.remove(id);
    if (atGateway.every((id) => removed.includes(id))) await this.gateway.removeUnused();
    return removed;
  }

  async observe(id: string): Promise<ObservedWorkspace | null> {
    const found = await this.objects.inspectWorkspace(id);
    if (found === null) return null;
    const { dockerId, image, state, exitCode, oomKilled, startedAt, finishedAt } = found;
    return { id, runtimeId: dockerId, image, state, exitCode, oomKilled, startedAt, finishedAt };
  }

  async list(): Promise<ListedWorkspace[]> {
    const containers = await this.engine.containers.list(`${LABEL_ROLE}=workspace`);
    return containers.flatMap(({ dockerId, labels, image, state }) => {
      const id = labels[LABEL_ID];
      return id === undefined ? [] : [{ id, runtimeId: dockerId, image, state }];
    });
  }

  exec(ref: WorkspaceRef, request: ExecRequest): Promise<ExecResult> {
    return this.engine.containers.exec(ref.runtimeId, withAddedEnv(request, ref));
  }

  open(ref: WorkspaceRef, request: ProcessRequest): Promise<WorkspaceProcess> {
    return this.engine.containers.open(ref.runtimeId, withAddedEnv(request, ref));
  }

  logs({ runtimeId }: WorkspaceRef, request: LogRequest): AsyncIterable<LogRecord[]> {
    return this.engine.containers.logs(runtimeId, request);
  }

  usage({ runtimeId }: WorkspaceRef): Promise<UsageSource> {
    return this.usageSources.open(runtimeId);
  }

  diskBytes({ runtimeId }: WorkspaceRef, signal?: AbortSignal): Promise<number> {
    return this.disk.bytes(runtimeId, signal);
  }

  async setEgress(id: string, egress: WorkspaceEgress, signal?: AbortSignal): Promise<void> {
    const { dockerId, networks } = await this.withGateway('set egress', id);
    await this.gateway.setEgress(id, egress, signal);
    if (egress.mode === 'open') return;
    await Promise.all(networks.map((name) => this.engine.networks.disconnect(name, dockerId)));
  }

  async setSecrets(id: string, secrets: WorkspaceSecrets, signal?: AbortSignal): Promise<void> {
    await this.withGateway('set secrets', id);
    await this.gateway.setSecrets(id, secrets, signal);
  }

  async setSpending(id: string, rules: SpendingRules, signal?: AbortSignal): Promise<void> {
    await this.withGateway('set spending', id);
    await this.gateway.setSpending(id, rules, signal);
  }

  spend(id: string, known: { journal: string; seq: number } | undefined): Promise<SpendRecords> {
    return this.gateway.spend(id, known);
  }

  watchDenials(watch: DenialWatch, signal: AbortSignal): Promise<void> {
    return this.gateway.watchDenials(watch, signal);
  }

  packageRules(image: string): Promise<EgressRule[]> {
    return this.packages.of(image);
  }

  async address({ runtimeId }: WorkspaceRef): Promise<string | null> {
    if ((await this.engine.system.info()).isRootless) return null;
    const container = await this.engine.containers.inspect(runtimeId);
    return Object.values(container?.addresses ?? {})[0] ?? null;
  }

  /** Those of the engine's container: the engine refuses more cores than it has. */
  private async limitsOf({ cpus, memoryMiB }: Limits): Promise<ContainerLimits> {
    const { cpus: available } = await this.engine.system.info();
    return { cpuLimit: Math.min(cpus, available), memoryLimit: memoryMiB };
  }

  /** @throws DriverError `not_found` or `outdated` */
  private async withGateway(what: string, id: string): Promise<InspectedContainer> {
    const found = await this.objects.inspectWorkspace(id);
    if (found === null) throw new DriverError('not_found', `${what} ${id}: no such workspace`);
    if (!hasGateway(found)) throw new DriverError('outdated', `${what} ${id}: it has to be created anew`);
    return found;
  }
}
