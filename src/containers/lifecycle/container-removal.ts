import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { DomainEvents } from '../../events/domain-events.js';
import {
  type ContainerRow,
  ContainersRepository,
  type Lease,
} from '../../persistence/containers/containers.repository.js';
import { ContainerStore } from './container-store.js';

/** Deletes containers: first the mark in the row, then everything at the engine, the row last. */
@Injectable()
export class ContainerRemoval {
  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly containers: ContainersRepository,
    private readonly store: ContainerStore,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {}

  /** Marks the container as being deleted, which ends all other work on it. */
  async begin({ id }: ContainerRow, keepVolume: boolean): Promise<void> {
    await this.store.transition(id, 'deleting', {
      patch: { desiredRunning: false, keepVolume },
      audit: 'container.delete',
    });
    this.events.emit('container.deleting', { containerId: id });
  }

  /** Can be interrupted at any point, and repeated. */
  async finish(row: ContainerRow, lease: Lease): Promise<void> {
    await this.driver.remove(row.id, { keepData: row.keepVolume, dataId: row.dataId ?? row.id });
    await this.containers.tombstone(row.id, lease);
    this.events.emit('container.removed', { containerId: row.id, projectId: row.projectId, at: this.clock.now() });
  }
}
