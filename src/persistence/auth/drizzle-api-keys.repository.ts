import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import type { AuditEntry } from '../audit/audit-events.repository.js';
import { recordAudit } from '../audit/record-audit.js';
import { Database } from '../database.js';
import { violatedForeignKey } from '../database-error.js';
import {
  type ApiKeyInsertion,
  type ApiKeyRow,
  ApiKeysRepository,
  asCreator,
  creatorKeyOf,
} from './api-keys.repository.js';
import type { Transaction } from '../containers/idempotency-keys.js';
import { apiKeys } from './auth.schema.js';
import { raiseAccessRevision } from './drizzle-access-revisions.repository.js';
import { storeLastUses } from './revoking-queries.js';
import { heldIn } from '../in-projects.js';
import type { HolderScope } from '../types.js';

/** So that who finds a key refused still sees it in the list. */
const KEPT_AFTER_EXPIRY_MS = 24 * 60 * 60_000;

@Injectable()
export class DrizzleApiKeysRepository extends ApiKeysRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(key: ApiKeyRow, max = Infinity): Promise<ApiKeyInsertion> {
    try {
      return await this.database.orm.transaction(async (tx): Promise<ApiKeyInsertion> => {
        const creator = creatorKeyOf(key);
        // Its removal waits for this lock, and removes this key as well.
        if (creator !== undefined && !(await lockKey(tx, creator))) return 'creator_gone';
        // Those who make keys of one holder wait for each other.
        const holder = key.projectId ?? key.userId;
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`api keys of ${holder}`}, 0))`);
        const ofHolder =
          key.projectId === null ? eq(apiKeys.userId, key.userId!) : eq(apiKeys.projectId, key.projectId);
        const longExpired = lt(apiKeys.expiresAt, new Date(key.createdAt.getTime() - KEPT_AFTER_EXPIRY_MS));
        await tx.delete(apiKeys).where(and(ofHolder, longExpired));
        if ((await tx.$count(apiKeys, ofHolder)) >= max) return 'full';
        await tx.insert(apiKeys).values(key);
        await recordAudit(tx, entryOf('api_key.create', key));
        return 'inserted';
      });
    } catch (error) {
      if (violatedForeignKey(error) !== undefined) return 'holder_gone';
      throw error;
    }
  }

  async findById(id: string, scope: HolderScope): Promise<ApiKeyRow | null> {
    const [row] = await this.database.orm
      .select()
      .from(apiKeys)
      .where(and(eq(apiKeys.id, id), heldIn(apiKeys, scope)));
    return row ?? null;
  }

  async findByIds(ids: string[]): Promise<ApiKeyRow[]> {
    return this.database.orm.select().from(apiKeys).where(inArray(apiKeys.id, ids));
  }

  async list(scope: HolderScope): Promise<ApiKeyRow[]> {
    return this.database.orm
      .select()
      .from(apiKeys)
      .where(heldIn(apiKeys, scope))
      .orderBy(desc(apiKeys.createdAt), asc(apiKeys.id));
  }

  async remove(id: string): Promise<boolean> {
    return this.database.orm.transaction(async (tx) => {
      let isRemoved = false;
      for (let ids = [id]; ids.length > 0;) {
        const rows = await tx.delete(apiKeys).where(inArray(apiKeys.id, ids)).returning();
        isRemoved ||= rows.length > 0;
        for (const row of rows) await recordAudit(tx, entryOf('api_key.revoke', row));
        // After these are deleted, nobody makes another key with them.
        const creators = rows.map((row) => asCreator(row.id));
        const made = await tx.select({ id: apiKeys.id }).from(apiKeys).where(inArray(apiKeys.createdBy, creators));
        ids = made.map((row) => row.id);
      }
      if (isRemoved) await raiseAccessRevision(tx);
      return isRemoved;
    });
  }

  async noteUsed(times: ReadonlyMap<string, Date>): Promise<void> {
    await storeLastUses(this.database, apiKeys, times);
  }
}

async function lockKey(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.id, id)).for('share')).length > 0;
}

function entryOf(action: AuditEntry['action'], { id, name, projectId, role }: ApiKeyRow): AuditEntry {
  const details = role === null ? undefined : { role };
  return { action, target: { kind: 'api_key', id, name }, projectId, details };
}
