import { Injectable } from '@nestjs/common';
import { and, desc, eq, ne, or, type SQL } from 'drizzle-orm';
import { recordAudit } from '../audit/record-audit.js';
import type { AuditEntry } from '../audit/audit-events.repository.js';
import { exceededQuotaLocked } from '../auth/project-quotas.js';
import { live } from '../containers/container-conditions.js';
import { QuotaExceededError } from '../containers/containers.repository.js';
import { containers } from '../containers/containers.schema.js';
import { Database } from '../database.js';
import { inProjects } from '../in-projects.js';
import type { Scope } from '../types.js';
import { type SnapshotRow, SnapshotsRepository } from './snapshots.repository.js';
import { snapshots } from './snapshots.schema.js';

const MIB = 1024 * 1024;
const { id: ID, state: STATE, purpose: PURPOSE } = snapshots;

@Injectable()
export class DrizzleSnapshotsRepository extends SnapshotsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(row: SnapshotRow): Promise<void> {
    await this.database.orm.transaction(async (tx) => {
      const exceeded = row.purpose === 'fork' ? null : await exceededQuotaLocked(tx, row.projectId, { snapshotMB: 1 });
      if (exceeded !== null) throw new QuotaExceededError(exceeded);
      await tx.insert(snapshots).values(row);
      if (row.purpose === 'kept') await recordAudit(tx, entryOf('snapshot.create', row));
    });
  }

  async markReady(id: string, made: { bytes: number; pausedMs: number }): Promise<boolean> {
    return this.database.orm.transaction(async (tx) => {
      const [row] = await tx
        .select()
        .from(snapshots)
        .where(and(eq(ID, id), eq(STATE, 'making')))
        .for('update');
      if (row === undefined) return false;
      const more = { snapshotMB: Math.ceil(made.bytes / MIB) };
      const exceeded = row.purpose === 'fork' ? null : await exceededQuotaLocked(tx, row.projectId, more);
      if (exceeded !== null) throw new QuotaExceededError(exceeded);
      await tx
        .update(snapshots)
        .set({ ...made, state: 'ready' })
        .where(eq(ID, id));
      return true;
    });
  }

  async list(scope: Scope, containerId?: string): Promise<SnapshotRow[]> {
    return this.database.orm
      .select()
      .from(snapshots)
      .where(kept(scope, containerId === undefined ? undefined : eq(snapshots.containerId, containerId)))
      .orderBy(desc(snapshots.createdAt), desc(ID));
  }

  async findById(id: string, scope: Scope): Promise<SnapshotRow | null> {
    const [row] = await this.database.orm
      .select()
      .from(snapshots)
      .where(kept(scope, eq(ID, id)));
    return row ?? null;
  }

  async listUnsettled(): Promise<SnapshotRow[]> {
    return this.database.orm
      .select()
      .from(snapshots)
      .where(or(ne(STATE, 'ready'), eq(PURPOSE, 'fork')));
  }

  async end(id: string): Promise<'ending' | 'in_use' | 'not_found'> {
    return this.database.orm.transaction(async (tx) => {
      // A container that is being inserted shares the lock.
      const [row] = await tx
        .select()
        .from(snapshots)
        .where(and(eq(ID, id), ne(STATE, 'ending')))
        .for('update');
      if (row === undefined) return 'not_found';
      const isWaiting = live(eq(containers.snapshotId, id), eq(containers.workspaceReady, false));
      if ((await tx.$count(containers, isWaiting)) > 0) return 'in_use';
      await tx.update(snapshots).set({ state: 'ending' }).where(eq(ID, id));
      if (row.purpose === 'kept' && row.state === 'ready') await recordAudit(tx, entryOf('snapshot.delete', row));
      return 'ending';
    });
  }

  async forget(id: string): Promise<void> {
    await this.database.orm.delete(snapshots).where(and(eq(ID, id), eq(STATE, 'ending')));
  }
}

function kept(scope: Scope, condition: SQL | undefined): SQL | undefined {
  return and(condition, eq(STATE, 'ready'), eq(PURPOSE, 'kept'), inProjects(snapshots.projectId, scope));
}

function entryOf(action: AuditEntry['action'], { id, containerName, projectId }: SnapshotRow): AuditEntry {
  return { action, target: { kind: 'snapshot', id, name: containerName }, projectId };
}
