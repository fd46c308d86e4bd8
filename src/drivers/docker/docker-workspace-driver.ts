import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import type { Template } from '../../persistence/types.js';
import {
  type DriverCapabilities,
  type EngineInfo,
  type ImageProgress,
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
  WORKSPACE_FOLDER,
  type WorkspaceEvent,
  type WorkspaceRef,
  type WorkspaceSpec,
} from '../workspace.js';
import { workspaceContainer } from './container-specs.js';
import { EngineClient } from './engine/engine-client.js';
import { GitAgent } from './git-agent.js';
import { WorkspaceImages } from './images/workspace-images.js';
import { LABEL_ID, LABEL_MANAGED, LABEL_ROLE } from './labels.js';
import { namesOf, WORKSPACE_NETWORK } from './names.js';
import { UsageSources } from './usage/usage-sources.js';
import { toWorkspaceEvent } from './workspace-events.js';
import { WorkspaceObjects } from './workspace-objects.js';

const DISK_TIMEOUT_MS = 60_000;

/** Workspaces as containers of a Docker Engine, each with named volumes and, for a Git key, a sidecar container. */
@Injectable()
export class DockerWorkspaceDriver extends WorkspaceDriver {
  readonly kind = 'docker';
  readonly capabilities: DriverCapabilities = { pause: true, snapshot: false, hardDiskLimit: false, fence: false };
  private readonly gitAgent: GitAgent;
  private readonly objects: WorkspaceObjects;
  /** Cached for as long as the engine stays. */
  private engineCpus: Promise<number> | undefined;

  constructor(
    private readonly engine: EngineClient,
    private readonly images: WorkspaceImages,
    private readonly usageSources: UsageSources,
    clock: Clock,
  ) {
    super();
    this.gitAgent = new GitAgent(engine, clock);
    this.objects = new WorkspaceObjects(engine, clock);
  }

  ping(): Promise<void> {
    return this.engine.system.ping();
  }

  async info(): Promise<EngineInfo> {
    const { version } = await this.engine.system.info();
    return { version };
  }

  async watch(onEvent: (event: WorkspaceEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void> {
    try {
      await this.engine.system.watch(
        (engineEvent) => {
          const event = toWorkspaceEvent(engineEvent);
          if (event !== undefined) onEvent(event);
        },
        signal,
        onReady,
      );
    } finally {
      this.engineCpus = undefined;
    }
  }

  prepare(template: Template, onProgress: (progress: ImageProgress) => void, signal: AbortSignal): Promise<string> {
    return this.images.ensure(template, onProgress, signal);
  }

  async ensure(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    await onStage('network');
    await this.engine.networks.ensureIsolatedBridge(WORKSPACE_NETWORK, {
      [LABEL_MANAGED]: 'true',
      [LABEL_ROLE]: 'network',
    });
    if (spec.readGitKey !== null) {
      await onStage('git-agent');
      await this.ensureGitAgent(spec, signal);
    }
    await onStage('container');
    const { dockerId } = await this.engine.containers.create(workspaceContainer(spec, await this.cpus()));
    return { id: spec.id, runtimeId: dockerId };
  }

  start({ runtimeId }: WorkspaceRef): Promise<void> {
    return this.engine.containers.start(runtimeId);
  }

  async startAgain(ref: WorkspaceRef, spec: WorkspaceSpec, signal: AbortSignal): Promise<WorkspaceRef> {
    await this.ensureGitAgent(spec, signal);
    await this.start(ref);
    return ref;
  }

  async stop(id: string, graceSeconds: number): Promise<void> {
    const stopped = await Promise.allSettled([this.engine.containers.stop(namesOf(id).workspace, graceSeconds)]);
    // The agent of a workspace that vanished is stopped as well.
    await this.gitAgent.stop(id);
    for (const outcome of stopped) if (outcome.status === 'rejected') throw outcome.reason;
  }

  pause({ runtimeId }: WorkspaceRef): Promise<void> {
    return this.engine.containers.pause(runtimeId);
  }

  unpause({ runtimeId }: WorkspaceRef): Promise<void> {
    return this.engine.containers.unpause(runtimeId);
  }

  remove(id: string, { keepData }: { keepData: boolean }): Promise<void> {
    return this.objects.remove(id, keepData);
  }

  sweep(findOrphans: (ids: string[]) => Promise<OrphanedWorkspace[]>): Promise<string[]> {
    return this.objects.sweep(findOrphans);
  }

  async observe(id: string): Promise<ObservedWorkspace | null> {
    const found = await this.engine.containers.inspect(namesOf(id).workspace);
    // A container that only has the name was not created by DevForge.
    if (found === null || found.labels[LABEL_ID] !== id) return null;
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

  async diskBytes({ runtimeId }: WorkspaceRef, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const [layer, workspace] = await Promise.all([
      this.engine.containers.writableLayerBytes(runtimeId),
      this.engine.containers.exec(runtimeId, {
        argv: ['du', '-s', '--block-size=1', WORKSPACE_FOLDER],
        timeoutMs: DISK_TIMEOUT_MS,
        signal,
      }),
    ]);
    return layer + Number(/^\d+/.exec(workspace.stdout)?.[0] ?? 0);
  }

  async address({ runtimeId }: WorkspaceRef): Promise<string | null> {
    const container = await this.engine.containers.inspect(runtimeId);
    return Object.values(container?.addresses ?? {})[0] ?? null;
  }

  private async ensureGitAgent({ id, image, readGitKey }: WorkspaceSpec, signal: AbortSignal): Promise<void> {
    if (readGitKey !== null) await this.gitAgent.ensure(id, image, readGitKey, signal);
  }

  private cpus(): Promise<number> {
    this.engineCpus ??= this.engine.system.info().then(
      ({ cpus }) => cpus,
      (error: unknown) => {
        this.engineCpus = undefined;
        throw error;
      },
    );
    return this.engineCpus;
  }
}
