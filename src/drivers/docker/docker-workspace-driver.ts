import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import type { Template } from '../../persistence/types.js';
import {
  type DriverCapabilities,
  type EngineInfo,
  type ImageProgress,
  type RemoveOptions,
  type StageListener,
  WorkspaceDriver,
} from '../workspace-driver.js';
import type { LogRecord, LogRequest } from '../workspace-logs.js';
import type { ExecRequest, ExecResult, ProcessRequest, WorkspaceProcess } from '../workspace-process.js';
import type { UsageSource } from '../workspace-usage.js';
import {
  type ListedWorkspace,
  type ObservedWorkspace,
  type OrphanedWorkspace,
  type WorkspaceEvent,
  type WorkspaceRef,
  type WorkspaceSpec,
} from '../workspace.js';
import { EngineClient } from './engine/engine-client.js';
import { DriverError } from '../driver-error.js';
import type { EngineProfile } from './engine/profile/engine-profile.js';
import { shortcomingsOf } from './engine/profile/unsuitable-engine.js';
import { GitAgent } from './git-agent.js';
import { WorkspaceImages } from './images/workspace-images.js';
import { LABEL_ID, LABEL_ROLE } from './labels.js';
import { UsageSources } from './usage/usage-sources.js';
import { WorkspaceCreation } from './workspace-creation.js';
import { WorkspaceDisk } from './workspace-disk.js';
import { toWorkspaceEvent } from './workspace-events.js';
import { WorkspaceObjects } from './workspace-objects.js';

type Limits = Parameters<WorkspaceDriver['resize']>[1];

/** Workspaces as containers of a Docker Engine, each with named volumes and, for a Git key, a sidecar container. */
@Injectable()
export class DockerWorkspaceDriver extends WorkspaceDriver {
  readonly kind = 'docker';
  private readonly objects: WorkspaceObjects;
  private readonly gitAgent: GitAgent;
  private readonly creation: WorkspaceCreation;
  private readonly disk: WorkspaceDisk;
  private profile: EngineProfile | undefined;

  constructor(
    private readonly engine: EngineClient,
    private readonly images: WorkspaceImages,
    private readonly usageSources: UsageSources,
    clock: Clock,
  ) {
    super();
    this.objects = new WorkspaceObjects(engine, clock);
    this.gitAgent = new GitAgent(engine, this.objects, clock);
    this.creation = new WorkspaceCreation(engine, this.objects, this.gitAgent);
    this.disk = new WorkspaceDisk(engine, clock);
  }

  /** Those of an engine that has not answered yet are Docker's. */
  get capabilities(): DriverCapabilities {
    const { limits, canPause } = this.profile ?? { limits: {}, canPause: true };
    const resourceLimits = !Object.values(limits).includes(false);
    return { pause: canPause, snapshot: false, hardDiskLimit: false, fence: false, resourceLimits };
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

  prepare(template: Template, onProgress: (progress: ImageProgress) => void, signal: AbortSignal): Promise<string> {
    return this.images.ensure(template, onProgress, signal);
  }

  ensure(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    return this.creation.ensure(spec, onStage, signal);
  }

  replace(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    return this.creation.replace(spec, onStage, signal);
  }

  start({ runtimeId }: WorkspaceRef): Promise<void> {
    return this.engine.containers.start(runtimeId);
  }

  async startAgain(ref: WorkspaceRef, spec: WorkspaceSpec, signal: AbortSignal): Promise<WorkspaceRef> {
    const { id, image, readGitKey } = spec;
    if (readGitKey !== null) await this.gitAgent.ensure(id, image, readGitKey, signal);
    await this.start(ref);
    return ref;
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

  async resize({ runtimeId }: WorkspaceRef, { cpus, memoryMiB }: Limits): Promise<void> {
    const { cpus: engineCpus } = await this.engine.system.info();
    const cpuLimit = Math.min(cpus, engineCpus);
    await this.engine.containers.update(runtimeId, { cpuLimit, memoryLimit: memoryMiB });
  }

  pause({ runtimeId }: WorkspaceRef): Promise<void> {
    return this.engine.containers.pause(runtimeId);
  }

  unpause({ runtimeId }: WorkspaceRef): Promise<void> {
    return this.engine.containers.unpause(runtimeId);
  }

  remove(id: string, options: RemoveOptions): Promise<void> {
    return this.objects.remove(id, options);
  }

  listData(): Promise<string[]> {
    return this.objects.listData();
  }

  sweep(findOrphans: (ids: string[]) => Promise<OrphanedWorkspace[]>): Promise<string[]> {
    return this.objects.sweep(findOrphans);
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

  exec({ runtimeId }: WorkspaceRef, request: ExecRequest): Promise<ExecResult> {
    return this.engine.containers.exec(runtimeId, request);
  }

  open({ runtimeId }: WorkspaceRef, request: ProcessRequest): Promise<WorkspaceProcess> {
    return this.engine.containers.open(runtimeId, request);
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

  async address({ runtimeId }: WorkspaceRef): Promise<string | null> {
    if ((await this.engine.system.info()).isRootless) return null;
    const container = await this.engine.containers.inspect(runtimeId);
    return Object.values(container?.addresses ?? {})[0] ?? null;
  }
}
