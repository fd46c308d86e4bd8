import { and, asc, eq, inArray, isNull, type SQL } from 'drizzle-orm';
import { credentials } from '../credentials/credentials.schema.js';
import type { ContainerStatus, Scope } from '../types.js';
import { containers, keptVolume } from './containers.schema.js';
import type { Queries } from './idempotency-keys.js';
import { snapshots } from '../snapshots/snapshots.schema.js';
import { inProjects } from '../in-projects.js';

/** Containers that are not removed. */
export function live(...conditions: (SQL | undefined)[]): SQL | undefined {
  return and(isNull(containers.deletedAt), ...conditions);
}

export function inScope(scope: Scope): SQL | undefined {
  return inProjects(containers.projectId, scope);
}

/** Containers of an owner. */
export function inStates(ownerId: string, states: readonly ContainerStatus[]): SQL | undefined {
  return live(eq(containers.ownerId, ownerId), inArray(containers.status, [...states]));
}

/** Whether the volume is kept. Until the transaction ends, no other one attaches or releases it. */
export async function lockKeptVolume(tx: Queries, id: string, scope: Scope): Promise<boolean> {
  const rows = await tx
    .select({ id: containers.id })
    .from(containers)
    .where(keptVolume(eq(containers.id, id), inScope(scope)))
    .for('update');
  return rows.length > 0;
}

/** Whether a snapshot of the project is complete. Until the transaction ends, nobody removes it. */
export async function lockSnapshot(tx: Queries, id: string, projectId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: snapshots.id })
    .from(snapshots)
    .where(and(eq(snapshots.id, id), eq(snapshots.state, 'ready'), eq(snapshots.projectId, projectId)))
    .for('share');
  return rows.length > 0;
}

/** Whether all of them exist. Until the transaction ends, nobody removes one. */
export async function lockCredentials(tx: Queries, ids: readonly string[]): Promise<boolean> {
  if (ids.length === 0) return true;
  const rows = await tx
    .select({ id: credentials.id })
    .from(credentials)
    .where(inArray(credentials.id, [...ids]))
    .orderBy(asc(credentials.id))
    .for('key share');
  return rows.length === ids.length;
}
