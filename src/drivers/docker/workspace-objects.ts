import type { Clock } from '../../common/time/clock.js';
import { DriverError } from '../driver-error.js';
import type { RemoveOptions } from '../workspace-driver.js';
import type { OrphanedWorkspace } from '../workspace.js';
import type { EngineClient, InspectedContainer, ObservedContainer, VolumeOptions } from './engine/engine-client.js';
import { LABEL_ID, LABEL_ROLE, type Role } from './labels.js';
import { labelsOf, namesOf } from './names.js';
import { SIDECARS } from './workspace-events.js';

const IN_USE_RETRY_MS = 200;
const MAX_IN_USE_RETRIES = 25;

/**
 * The containers and volumes of workspaces. They belong to a workspace by their label alone: a name may be changed, or
 * taken by somebody else.
 */
export class WorkspaceObjects {
  constructor(
    private readonly engine: EngineClient,
    private readonly clock: Clock,
  ) {}

  /** The container of a workspace, under whatever name. */
  async findWorkspace(id: string): Promise<ObservedContainer | undefined> {
    const containers = await this.engine.containers.list(`${LABEL_ID}=${id}`);
    return containers.find(({ labels }) => !SIDECARS.includes(labels[LABEL_ROLE] ?? ''));
  }

  async findSidecar(id: string, role: Role): Promise<ObservedContainer | undefined> {
    const containers = await this.engine.containers.list(`${LABEL_ID}=${id}`);
    return containers.find(({ labels }) => labels[LABEL_ROLE] === role);
  }

  /** As {@link findWorkspace}, with everything that the engine shows; one call when it has the name it was given. */
  async inspectWorkspace(id: string): Promise<InspectedContainer | null> {
    const named = await this.engine.containers.inspect(namesOf(id).workspace);
    if (named?.labels[LABEL_ID] === id) return named;
    const renamed = await this.findWorkspace(id);
    return renamed === undefined ? null : this.engine.containers.inspect(renamed.dockerId);
  }

  async removeSidecar(id: string, role: Role): Promise<void> {
    const sidecar = await this.findSidecar(id, role);
    if (sidecar !== undefined) await this.engine.containers.remove(sidecar.dockerId);
  }

  /** @throws DriverError `foreign` */
  async ensureVolumes(id: string, names: string[], options: VolumeOptions = {}): Promise<void> {
    await Promise.all(names.map((name) => this.engine.volumes.ensure(name, labelsOf(id, 'workspace'), options)));
  }

  /** Whether the files of a workspace exist. */
  async hasData(id: string): Promise<boolean> {
    return (await this.volumesOf(id)).includes(namesOf(id).workspaceVolume);
  }

  async listData(): Promise<string[]> {
    const volumes = await this.engine.volumes.list(LABEL_ID);
    return volumes.flatMap(({ name, labels }) => {
      const id = labels[LABEL_ID];
      return id !== undefined && name === namesOf(id).workspaceVolume ? [id] : [];
    });
  }

  /** Can be interrupted and repeated. */
  async remove(id: string, { keepData, dataId = id }: RemoveOptions): Promise<void> {
    const containers = await this.engine.containers.list(`${LABEL_ID}=${id}`);
    await Promise.all(containers.map(({ dockerId }) => this.engine.containers.remove(dockerId)));
    const networks = await this.engine.networks.list(`${LABEL_ID}=${id}`);
    await Promise.all(networks.map(({ name }) => this.engine.networks.remove(name)));
    const kept = keepData ? namesOf(id).workspaceVolume : undefined;
    const own = (await this.volumesOf(id)).filter((name) => name !== kept);
    const data = namesOf(dataId).workspaceVolume;
    const attached = dataId === id || keepData ? [] : (await this.volumesOf(dataId)).filter((name) => name === data);
    await Promise.all([...own, ...attached].map((volume) => this.removeVolume(volume)));
  }

  /** @param elsewhere ids of workspaces of which something is left that is no object of the engine */
  async sweep(
    findOrphans: (ids: string[]) => Promise<OrphanedWorkspace[]>,
    elsewhere: string[] = [],
  ): Promise<string[]> {
    const [containers, volumes, networks] = await Promise.all([
      this.engine.containers.list(LABEL_ID),
      this.engine.volumes.list(LABEL_ID),
      this.engine.networks.list(LABEL_ID),
    ]);
    const names = new Map<string, string[]>();
    for (const { name, labels } of [...containers, ...networks, ...volumes]) {
      const id = labels[LABEL_ID];
      if (id !== undefined) names.set(id, [...(names.get(id) ?? []), name]);
    }
    const removed: string[] = [];
    for (const { id, keepData } of await findOrphans([...new Set([...names.keys(), ...elsewhere])])) {
      // Only the workspace volume exists, and it was kept on purpose.
      if (keepData && !elsewhere.includes(id) && names.get(id)?.every((name) => name === namesOf(id).workspaceVolume))
        continue;
      await this.remove(id, { keepData });
      removed.push(id);
    }
    return removed;
  }

  /** Docker releases a volume a moment after its container is gone. */
  async removeVolume(name: string): Promise<void> {
    for (let retry = 0; ; retry++) {
      try {
        return await this.engine.volumes.remove(name);
      } catch (error) {
        if (!(error instanceof DriverError) || error.code !== 'conflict' || retry >= MAX_IN_USE_RETRIES) throw error;
        await this.clock.sleep(IN_USE_RETRY_MS);
      }
    }
  }

  private async volumesOf(id: string): Promise<string[]> {
    return (await this.engine.volumes.list(`${LABEL_ID}=${id}`)).map(({ name }) => name);
  }
}
