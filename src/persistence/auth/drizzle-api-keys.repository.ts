import { Injectable } from '@nestjs/common';
import { asc, desc, eq, sql } from 'drizzle-orm';
import { Database } from '../database.js';
import { violatedForeignKey } from '../database-error.js';
import { type ApiKeyRow, ApiKeysRepository } from './api-keys.repository.js';
import { apiKeys } from './auth.schema.js';
import { raiseAccessRevision } from './drizzle-access-revisions.repository.js';

@Injectable()
export class DrizzleApiKeysRepository extends ApiKeysRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(key: ApiKeyRow): Promise<boolean> {
    try {
      await this.database.orm.insert(apiKeys).values(key);
      return true;
    } catch (error) {
      if (violatedForeignKey(error) !== undefined) return false;
      throw error;
    }
  }

  async findById(id: string): Promise<ApiKeyRow | null> {
    const [row] = await this.database.orm.select().from(apiKeys).where(eq(apiKeys.id, id));
    return row ?? null;
  }

  async list(projectId?: string): Promise<ApiKeyRow[]> {
    return this.database.orm
      .select()
      .from(apiKeys)
      .where(projectId === undefined ? undefined : eq(apiKeys.projectId, projectId))
      .orderBy(desc(apiKeys.createdAt), asc(apiKeys.id));
  }

  async remove(id: string): Promise<boolean> {
    return this.database.orm.transaction(async (tx) => {
      const rows = await tx.delete(apiKeys).where(eq(apiKeys.id, id)).returning({ id: apiKeys.id });
      if (rows.length > 0) await raiseAccessRevision(tx);
      return rows.length > 0;
    });
  }

  async noteUsed(times: ReadonlyMap<string, Date>): Promise<void> {
    for (const [id, at] of times) {
      await this.database.orm
        .update(apiKeys)
        .set({ lastUsedAt: sql`greatest(${apiKeys.lastUsedAt}, ${at.toISOString()}::timestamptz)` })
        .where(eq(apiKeys.id, id));
    }
  }
}
