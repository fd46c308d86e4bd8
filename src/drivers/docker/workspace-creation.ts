import { JobFailure } from '../../common/errors/job-failure.js';
import type { StageListener } from '../workspace-driver.js';
import { HOME_FOLDER, type WorkspaceRef, type WorkspaceSpec } from '../workspace.js';
import { workspaceContainer } from './container-specs.js';
import type { EngineClient, InspectedContainer } from './engine/engine-client.js';
import type { GitAgent } from './git-agent.js';
import { HomeCarrier } from './home-carrier.js';
import { namesOf, networkOf } from './names.js';
import type { WorkspaceObjects } from './workspace-objects.js';

const STOP_GRACE_SECONDS = 10;

/** Creates the containers of workspaces, and everything they need. */
export class WorkspaceCreation {
  private readonly homes: HomeCarrier;

  constructor(
    private readonly engine: EngineClient,
    private readonly objects: WorkspaceObjects,
    private readonly gitAgent: GitAgent,
  ) {
    this.homes = new HomeCarrier(engine, objects);
  }

  async ensure(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    await this.prepare(spec, onStage, signal);
    await onStage('container');
    const existing = await this.objects.findWorkspace(spec.id);
    return { id: spec.id, runtimeId: existing?.dockerId ?? (await this.create(spec)) };
  }

  async replace(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    await this.objects.removeSidecar(spec.id, 'git-agent');
    await this.prepare(spec, onStage, signal);
    await onStage('container');
    const old = await this.objects.inspectWorkspace(spec.id);
    if (old !== null) await this.retire(old, spec);
    return { id: spec.id, runtimeId: await this.create(spec) };
  }

  private async prepare(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<void> {
    await onStage('network');
    const network = networkOf(spec.id, await this.engine.system.info());
    await this.engine.networks.ensureIsolatedBridge(network.name, network.labels);
    if (spec.readGitKey === null) return;
    await onStage('git-agent');
    await this.gitAgent.ensure(spec.id, spec.image, spec.readGitKey, signal);
  }

  private async create(spec: WorkspaceSpec): Promise<string> {
    const { id, dataId = id } = spec;
    const { workspaceVolume, stateVolume, homeVolume } = namesOf(id);
    if (dataId !== id && !(await this.objects.hasData(dataId)))
      throw new JobFailure('volume_missing', `The volume ${namesOf(dataId).workspaceVolume} does not exist any more.`);
    await this.objects.ensureVolumes(id, [stateVolume, homeVolume, ...(dataId === id ? [workspaceVolume] : [])]);
    const { dockerId } = await this.engine.containers.create(workspaceContainer(spec, await this.engine.system.info()));
    return dockerId;
  }

  private async retire({ dockerId, volumes }: InspectedContainer, { id, image }: WorkspaceSpec): Promise<void> {
    await this.engine.containers.stop(dockerId, STOP_GRACE_SECONDS);
    if (!volumes.some(({ target }) => target === HOME_FOLDER)) await this.homes.carry(dockerId, id, image);
    await this.engine.containers.remove(dockerId);
  }
}
