import { eq, sql } from 'drizzle-orm';
import type { AuditEntry } from '../audit/audit-events.repository.js';
import { recordAudit } from '../audit/record-audit.js';
import type { Database } from '../database.js';
import { apiKeys } from './auth.schema.js';
import { raiseAccessRevision } from './drizzle-access-revisions.repository.js';
import { sessions } from './users/sessions.schema.js';
import { users } from './users/users.schema.js';

/**
 * Deletes what somebody may do things by.
 * @param entryOf what is recorded of it
 * @returns whether it was there
 */
export async function revokeById<Table extends typeof sessions | typeof users>(
  { orm }: Database,
  table: Table,
  id: string,
  entryOf: (row: Table['$inferSelect']) => AuditEntry,
): Promise<boolean> {
  return orm.transaction(async (tx) => {
    const [row] = await tx.delete<typeof sessions | typeof users>(table).where(eq(table.id, id)).returning();
    if (row === undefined) return false;
    await raiseAccessRevision(tx);
    await recordAudit(tx, entryOf(row));
    return true;
  });
}

/** Stores when credentials were last used, unless a later use is stored already. */
export async function storeLastUses(
  { orm }: Database,
  table: typeof apiKeys | typeof sessions,
  times: ReadonlyMap<string, Date>,
): Promise<void> {
  if (times.size === 0) return;
  // In one order everywhere, so that two processes cannot lock each other out.
  const ids = [...times.keys()].toSorted();
  const at = ids.map((id) => times.get(id)!.toISOString());
  const used = sql`unnest(${sql.param(ids)}::text[], ${sql.param(at)}::timestamptz[]) as used(id, used_at)`;
  await orm
    .update(table)
    .set({ lastUsedAt: sql`greatest(${table.lastUsedAt}, used.used_at)` })
    .from(used)
    .where(sql`${table.id} = used.id`);
}
