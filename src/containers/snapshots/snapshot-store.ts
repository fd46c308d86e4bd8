import { Injectable } from '@nestjs/common';
import { type SavedSnapshot, WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { Presence } from '../../persistence/presence.js';
import { type SnapshotRow, SnapshotsRepository } from '../../persistence/snapshots/snapshots.repository.js';

/** The snapshots, in the database and at the engine: in that order, so that nothing at the engine is without a row. */
@Injectable()
export class SnapshotStore {
  /** Those whose copies are being stored. */
  private readonly held = new Set<string>();

  constructor(
    private readonly snapshots: SnapshotsRepository,
    private readonly driver: WorkspaceDriver,
    private readonly presence: Presence,
  ) {}

  /** Name of this process. */
  get holder(): string {
    return this.presence.holder;
  }

  /** @throws QuotaExceededError */
  async begin(begun: Omit<SnapshotRow, 'holder'>): Promise<SnapshotRow> {
    const row = { ...begun, holder: this.presence.holder };
    if (row.purpose === 'fork') this.held.add(row.id);
    await this.snapshots.insert(row);
    return row;
  }

  /** @throws QuotaExceededError */
  async complete(row: SnapshotRow, made: SavedSnapshot): Promise<SnapshotRow> {
    if (!(await this.snapshots.markReady(row.id, made))) throw new Error(`The snapshot ${row.id} was given up.`);
    return { ...row, ...made, state: 'ready' };
  }

  /** Lets the snapshot of copies end with the last of them that needs it. */
  release(id: string): void {
    this.held.delete(id);
  }

  /** Whether no process works with it any more. */
  async isAbandoned({ id, holder }: SnapshotRow): Promise<boolean> {
    return holder === this.presence.holder ? !this.held.has(id) : this.presence.hasEnded(holder);
  }

  /** Removes one whatever state it is in. Can be interrupted, and repeated. @returns whether it was there, and not in use */
  async discard(id: string): Promise<'removed' | 'in_use' | 'not_found'> {
    this.held.delete(id);
    const outcome = await this.snapshots.end(id);
    if (outcome !== 'ending') return outcome;
    await this.remove(id);
    return 'removed';
  }

  /** Removes one that is marked so. */
  async remove(id: string): Promise<void> {
    await this.driver.removeSnapshot(id);
    await this.snapshots.forget(id);
  }
}
