import { and, eq } from 'drizzle-orm';
import type { IdempotencyKey } from './containers.repository.js';
import type { Database } from '../database.js';
import { idempotencyKeys } from './containers.schema.js';

type Row = typeof idempotencyKeys.$inferSelect;
export type Transaction = Parameters<Parameters<Database['orm']['transaction']>[0]>[0];
export type Queries = Database['orm'] | Transaction;

/** Owner and purpose of a key; the same key of another owner or for another purpose is independent. */
export type KeyScope = Pick<Row, 'ownerId' | 'scope'>;
type KeyTarget = KeyScope & Pick<Row, 'containerId' | 'createdAt'> & Partial<Pick<Row, 'instructionId'>>;

export type ExistingKey = { kind: 'replayed'; row: Row } | { kind: 'key_reused' };

/**
 * Inserts the key in the transaction that writes its container or instruction. A concurrent request with the same key
 * waits here until that transaction commits.
 * @returns undefined when the key is new
 */
export async function claimKey(
  tx: Queries,
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

/** @returns undefined when the key was never used */
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
