import { Injectable } from '@nestjs/common';
import { asc, desc, eq } from 'drizzle-orm';
import type { AuditEntry } from '../audit/audit-events.repository.js';
import { recordAudit } from '../audit/record-audit.js';
import { Database } from '../database.js';
import { violatedForeignKey } from '../database-error.js';
import { type ApiKeyRow, ApiKeysRepository } from './api-keys.repository.js';
import { apiKeys } from './auth.schema.js';
import { revokeById, storeLastUses } from './revoking-queries.js';

@Injectable()
export class DrizzleApiKeysRepository extends ApiKeysRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(key: ApiKeyRow): Promise<boolean> {
    try {
      await this.database.orm.transaction(async (tx) => {
        await tx.insert(apiKeys).values(key);
        await recordAudit(tx, entryOf('api_key.create', key));
      });
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
    return revokeById(this.database, apiKeys, id, (row) => entryOf('api_key.revoke', row));
  }

  async noteUsed(times: ReadonlyMap<string, Date>): Promise<void> {
    await storeLastUses(this.database, apiKeys, times);
  }
}

function entryOf(action: AuditEntry['action'], { id, name, projectId, role }: ApiKeyRow): AuditEntry {
  const details = role === null ? undefined : { role };
  return { action, target: { kind: 'api_key', id, name }, projectId, details };
}
