import { and, eq } from 'drizzle-orm';
import type { IdempotencyKey } from './containers.repository.js';
import type { Database } from '../database.js';
import { idempotencyKeys } from './containers.schema.js';

type Row = typeof idempotencyKeys.$inferSelect;
export type Transaction = Parameters<Parameters<Database['orm']['transaction']>[0]>[0];
export type Queries = Database['orm'] | Transaction;

/** Whose key it is, and for what. */
export type KeyScope = Pick<Row, 'ownerId' | 'scope'>;
type KeyTarget = KeyScope & Pick<Row, 'containerId' | 'createdAt'> & Partial<Pick<Row, 'instructionId'>>;

export type ExistingKey = { kind: 'replayed'; row: Row } | { kind: 'key_reused' };

/**
 * Takes the key within the transaction that writes what it stands for. A request with the same key waits here until the
 * other one commits.
 * @returns undefined when it is new
 */
export async function claimKey(
  tx: Transaction,
  target: KeyTarget,
  { key, bodyHash }: IdempotencyKey,
): Promise<ExistingKey | undefined> {
  const claimed = await tx
    .insert(idempotencyKeys)
    .values({ ...target, key, bodyHash })
    .onConflictDoNothing()
    .returning({ key: idempotencyKeys.key });
  return claimed.length > 0 ? undefined : findKey(tx, target, { key, bodyHash });
}

/** @returns undefined when no such key came before */
export async function findKey(
  on: Queries,
  { ownerId, scope }: KeyScope,
  { key, bodyHash }: IdempotencyKey,
): Promise<ExistingKey | undefined> {
  const [row] = await on
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.ownerId, ownerId), eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.key, key)));
  if (row === undefined) return undefined;
  return row.bodyHash === bodyHash ? { kind: 'replayed', row } : { kind: 'key_reused' };
}
