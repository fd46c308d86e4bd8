import { JobFailure } from '../../common/errors/job-failure.js';
import { DriverError } from '../driver-error.js';
import type { StageListener } from '../workspace-driver.js';
import { EGRESS_FOLDER, HOME_FOLDER, type WorkspaceRef, type WorkspaceSpec } from '../workspace.js';
import { networkFor, workspaceContainer } from './container-specs.js';
import type { EngineClient, InspectedContainer } from './engine/engine-client.js';
import type { EgressGateway } from './gateway/egress-gateway.js';
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
    private readonly gateway: EgressGateway,
  ) {
    this.homes = new HomeCarrier(engine, objects);
  }

  async ensure(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    const egressFolder = await this.prepare(spec, onStage, signal);
    await onStage('container');
    const existing = await this.objects.inspectWorkspace(spec.id);
    if (existing !== null && !(await this.hasOtherNetwork(existing, spec)))
      return { id: spec.id, runtimeId: existing.dockerId };
    if (existing !== null) await this.retire(existing, spec);
    return { id: spec.id, runtimeId: await this.create(spec, egressFolder) };
  }

  async replace(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<WorkspaceRef> {
    await this.objects.removeSidecar(spec.id, 'git-agent');
    const egressFolder = await this.prepare(spec, onStage, signal);
    await onStage('container');
    const old = await this.objects.inspectWorkspace(spec.id);
    if (old !== null) await this.retire(old, spec);
    return { id: spec.id, runtimeId: await this.create(spec, egressFolder) };
  }

  /**
   * Makes sure that a workspace that is to be started has the network and the environment of its spec. One that has another
   * one is created anew, since the engine gives it that one back at every start.
   * @throws DriverError `not_found`, or `outdated` when it has no way to the gateway and needs it
   */
  async renew(ref: WorkspaceRef, spec: WorkspaceSpec, signal: AbortSignal): Promise<WorkspaceRef> {
    const { id, runtimeId, addedEnv } = ref;
    const existing = await this.engine.containers.inspect(runtimeId);
    if (existing === null) throw new DriverError('not_found', `start ${id}: no such workspace`);
    const isReachable = hasGateway(existing);
    if (!isReachable && spec.egress.mode !== 'open')
      throw new DriverError('outdated', `start ${id}: it has no way to the gateway`);
    const egressFolder = isReachable ? await this.gateway.setEgress(id, spec.egress, signal) : null;
    if (isUp(existing)) return ref;
    if (addedEnv === undefined && !(await this.hasOtherNetwork(existing, spec))) return { id, runtimeId };
    if (spec.egress.mode === 'open') await this.ensureNetwork(id);
    await this.retire(existing, spec);
    return { id, runtimeId: await this.create(spec, egressFolder) };
  }

  private async ensureNetwork(id: string): Promise<void> {
    const network = networkOf(id, await this.engine.system.info());
    await this.engine.networks.ensureIsolatedBridge(network.name, network.labels);
  }

  /** @returns the folder of its egress volume on the engine's machine; null without a way to the gateway */
  private async prepare(spec: WorkspaceSpec, onStage: StageListener, signal: AbortSignal): Promise<string | null> {
    await onStage('network');
    const { canFence } = await this.engine.system.info();
    if (!canFence && spec.egress.mode !== 'open')
      throw new DriverError('invalid', 'this engine cannot restrict what a workspace reaches');
    if (spec.egress.mode === 'open') await this.ensureNetwork(spec.id);
    const egressFolder = canFence ? await this.gateway.setEgress(spec.id, spec.egress, signal) : null;
    if (spec.readGitKey === null) return egressFolder;
    await onStage('git-agent');
    await this.gitAgent.ensure(spec.id, spec.image, spec.readGitKey, signal);
    return egressFolder;
  }

  private async hasOtherNetwork(existing: InspectedContainer, spec: WorkspaceSpec): Promise<boolean> {
    if (isUp(existing) || !hasGateway(existing)) return false;
    return existing.network !== networkFor(spec, await this.engine.system.info());
  }

  private async create(spec: WorkspaceSpec, egressFolder: string | null): Promise<string> {
    const { id, dataId = id } = spec;
    const { workspaceVolume, stateVolume, homeVolume, egressVolume } = namesOf(id);
    if (dataId !== id && !(await this.objects.hasData(dataId)))
      throw new JobFailure('volume_missing', `The volume ${namesOf(dataId).workspaceVolume} does not exist any more.`);
    const engine = await this.engine.system.info();
    await this.objects.ensureVolumes(id, [stateVolume, homeVolume, ...(dataId === id ? [workspaceVolume] : [])]);
    if (egressFolder !== null) await this.objects.ensureVolumes(id, [egressVolume], { folder: egressFolder });
    const { dockerId } = await this.engine.containers.create(workspaceContainer(spec, engine));
    return dockerId;
  }

  private async retire({ dockerId, volumes }: InspectedContainer, { id, image }: WorkspaceSpec): Promise<void> {
    await this.engine.containers.stop(dockerId, STOP_GRACE_SECONDS);
    if (!volumes.some(({ target }) => target === HOME_FOLDER)) await this.homes.carry(dockerId, id, image);
    await this.engine.containers.remove(dockerId);
  }
}

/** Whether a workspace can reach the gateway; those of releases before it cannot. */
export function hasGateway({ volumes }: Pick<InspectedContainer, 'volumes'>): boolean {
  return volumes.some(({ target }) => target === EGRESS_FOLDER);
}

export function isUp({ state }: Pick<InspectedContainer, 'state'>): boolean {
  return state === 'running' || state === 'paused';
}
