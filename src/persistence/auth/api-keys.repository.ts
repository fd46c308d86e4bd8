import type { apiKeys } from './auth.schema.js';
import type { HolderScope } from '../types.js';

export type ApiKeyRow = typeof apiKeys.$inferSelect;

/** `holder_gone`: its project or user; `creator_gone`: the key that it is made with. */
export type ApiKeyInsertion = 'inserted' | 'holder_gone' | 'creator_gone' | 'full';

/** As `createdBy` names a key. */
const CREATOR_PREFIX = 'key:';

export function asCreator(keyId: string): string {
  return CREATOR_PREFIX + keyId;
}

/** @returns the key that a key was made with; undefined when it was made with something else */
export function creatorKeyOf({ createdBy }: Pick<ApiKeyRow, 'createdBy'>): string | undefined {
  return createdBy.startsWith(CREATOR_PREFIX) ? createdBy.slice(CREATOR_PREFIX.length) : undefined;
}

/** API keys. Every change but that of `lastUsedAt` raises the access revision in the same transaction. */
export abstract class ApiKeysRepository {
  /** Inserts the key, unless its project or user has `max` already. Those that have expired a day before are deleted first. */
  abstract insert(key: ApiKeyRow, max?: number): Promise<ApiKeyInsertion>;
  abstract findById(id: string, scope: HolderScope): Promise<ApiKeyRow | null>;
  /** For those who present them. */
  abstract findByIds(ids: string[]): Promise<ApiKeyRow[]>;
  /** Latest first. */
  abstract list(scope: HolderScope): Promise<ApiKeyRow[]>;
  /** Removes the key, the keys that were made with it, and so on. @returns false when there is none */
  abstract remove(id: string): Promise<boolean>;
  /** Stores the times of last use, each unless a later one is stored already. */
  abstract noteUsed(times: ReadonlyMap<string, Date>): Promise<void>;
}
