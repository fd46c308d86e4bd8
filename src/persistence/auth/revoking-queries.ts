import { eq, sql } from 'drizzle-orm';
import type { Database } from '../database.js';
import { apiKeys } from './auth.schema.js';
import { raiseAccessRevision } from './drizzle-access-revisions.repository.js';
import { sessions, users } from './users.schema.js';

/** Deletes what somebody may do things by. @returns whether it was there */
export async function revokeById(
  { orm }: Database,
  table: typeof apiKeys | typeof sessions | typeof users,
  id: string,
): Promise<boolean> {
  return orm.transaction(async (tx) => {
    const rows = await tx.delete(table).where(eq(table.id, id)).returning({ id: table.id });
    if (rows.length > 0) await raiseAccessRevision(tx);
    return rows.length > 0;
  });
}

/** Stores when credentials were last used, unless a later use is stored already. */
export async function storeLastUses(
  { orm }: Database,
  table: typeof apiKeys | typeof sessions,
  times: ReadonlyMap<string, Date>,
): Promise<void> {
  for (const [id, at] of times)
    await orm
      .update(table)
      .set({ lastUsedAt: sql`greatest(${table.lastUsedAt}, ${at.toISOString()}::timestamptz)` })
      .where(eq(table.id, id));
}
