import type { Clock } from '../../common/time/clock.js';
import { DriverError } from '../driver-error.js';
import type { OrphanedWorkspace } from '../workspace.js';
import type { EngineClient } from './engine/engine-client.js';
import { LABEL_ID } from './labels.js';
import { namesOf } from './names.js';

const IN_USE_RETRY_MS = 200;
const MAX_IN_USE_RETRIES = 25;

/** Removes the containers and volumes of workspaces, in an order that can be interrupted and repeated. */
export class WorkspaceObjects {
  constructor(
    private readonly engine: EngineClient,
    private readonly clock: Clock,
  ) {}

  async remove(id: string, keepData: boolean): Promise<void> {
    const names = namesOf(id);
    await Promise.all([this.engine.containers.remove(names.workspace), this.engine.containers.remove(names.gitAgent)]);
    const volumes = [names.stateVolume, names.gitAgentVolume, ...(keepData ? [] : [names.workspaceVolume])];
    await Promise.all(volumes.map((volume) => this.removeVolume(volume)));
  }

  async sweep(findOrphans: (ids: string[]) => Promise<OrphanedWorkspace[]>): Promise<string[]> {
    const [containers, volumes] = await Promise.all([
      this.engine.containers.list(LABEL_ID),
      this.engine.volumes.list(LABEL_ID),
    ]);
    const withContainers = new Set(containers.flatMap(({ labels }) => labels[LABEL_ID] ?? []));
    const ids = new Set([...withContainers, ...volumes.flatMap(({ labels }) => labels[LABEL_ID] ?? [])]);
    const removed: string[] = [];
    for (const { id, keepData } of await findOrphans([...ids])) {
      // Only the workspace volume exists, and it was kept on purpose.
      if (keepData && !withContainers.has(id)) continue;
      await this.remove(id, keepData);
      removed.push(id);
    }
    return removed;
  }

  /** Docker releases a volume a moment after its container is gone. */
  private async removeVolume(name: string): Promise<void> {
    for (let retry = 0; ; retry++) {
      try {
        return await this.engine.volumes.remove(name);
      } catch (error) {
        if (!(error instanceof DriverError) || error.code !== 'conflict' || retry >= MAX_IN_USE_RETRIES) throw error;
        await this.clock.sleep(IN_USE_RETRY_MS);
      }
    }
  }
}
