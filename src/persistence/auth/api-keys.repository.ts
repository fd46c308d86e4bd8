import type { apiKeys } from './auth.schema.js';

export type ApiKeyRow = typeof apiKeys.$inferSelect;

/** API keys. Every change but that of `lastUsedAt` raises the access revision in the same transaction. */
export abstract class ApiKeysRepository {
  /** @returns false when the project or the user does not exist */
  abstract insert(key: ApiKeyRow): Promise<boolean>;
  abstract findById(id: string): Promise<ApiKeyRow | null>;
  /** Those of a project, or of all projects and users, latest first. */
  abstract list(projectId?: string): Promise<ApiKeyRow[]>;
  /** @returns false when there is none */
  abstract remove(id: string): Promise<boolean>;
  /** Stores the times of last use, each unless a later one is stored already. */
  abstract noteUsed(times: ReadonlyMap<string, Date>): Promise<void>;
}
