import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { DomainEvents } from '../../events/domain-events.js';
import {
  type ContainerRow,
  ContainersRepository,
  type Lease,
} from '../../persistence/containers/containers.repository.js';
import { ContainerEngine, EngineError } from '../../drivers/docker/engine/container-engine.js';
import { namesOf } from '../../workspace/container-names.js';

const IN_USE_RETRY_MS = 200;
const IN_USE_RETRIES = 25;

/** Takes away everything that belongs to a container, in an order that can be broken off and begun again. */
@Injectable()
export class ContainerRemoval {
  constructor(
    private readonly runtime: ContainerEngine,
    private readonly containers: ContainersRepository,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {}

  async remove(row: ContainerRow, lease: Lease): Promise<void> {
    await this.removeObjects(row.id, row.keepVolume);
    await this.containers.tombstone(row.id, lease);
    this.events.emit('container.removed', { containerId: row.id, ownerId: row.ownerId, at: this.clock.now() });
  }

  async removeObjects(id: string, keepVolume: boolean): Promise<void> {
    const names = namesOf(id);
    await Promise.all([
      this.runtime.containers.remove(names.workspace),
      this.runtime.containers.remove(names.gitAgent),
    ]);
    const volumes = [names.stateVolume, names.gitAgentVolume, ...(keepVolume ? [] : [names.workspaceVolume])];
    await Promise.all(volumes.map((volume) => this.removeVolume(volume)));
  }

  /** The engine lets go of a volume a moment after its container is gone. */
  private async removeVolume(name: string): Promise<void> {
    for (let retry = 0; ; retry++) {
      try {
        return await this.runtime.volumes.remove(name);
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== 'conflict' || retry >= IN_USE_RETRIES) throw error;
        await this.clock.sleep(IN_USE_RETRY_MS);
      }
    }
  }
}
