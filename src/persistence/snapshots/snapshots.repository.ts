import type { Scope } from '../types.js';
import type { snapshots } from './snapshots.schema.js';

export type SnapshotRow = typeof snapshots.$inferSelect;

export abstract class SnapshotsRepository {
  /**
   * Stores one that is about to be made.
   * @throws QuotaExceededError when its project has no room for any more
   */
  abstract insert(row: SnapshotRow): Promise<void>;
  /**
   * Notes that the files are complete.
   * @returns false when it is not being made any more
   * @throws QuotaExceededError when it is larger than its project has room for
   */
  abstract markReady(id: string, made: { bytes: number; pausedMs: number }): Promise<boolean>;
  /** Those that are kept and complete, of one container or of all, latest first. */
  abstract list(scope: Scope, containerId?: string): Promise<SnapshotRow[]>;
  /** One that is kept and complete. */
  abstract findById(id: string, scope: Scope): Promise<SnapshotRow | null>;
  /** Those of all projects that are being made or removed, or are for copies of containers. */
  abstract listUnsettled(): Promise<SnapshotRow[]>;
  /**
   * Marks one as to be removed, unless files of it are still to be restored.
   * @returns `not_found` also when that is so already
   */
  abstract end(id: string): Promise<'ending' | 'in_use' | 'not_found'>;
  /** Removes the row of one that is marked so. */
  abstract forget(id: string): Promise<void>;
}
