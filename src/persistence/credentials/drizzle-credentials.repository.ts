import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, gt, inArray, isNull, ne, sql } from 'drizzle-orm';
import type { AuditEntry } from '../audit/audit-events.repository.js';
import { recordAudit, recordServerAudit } from '../audit/record-audit.js';
import { containers } from '../containers/containers.schema.js';
import { Database } from '../database.js';
import { violatedForeignKey } from '../database-error.js';
import type { AuditDetails } from '../types.js';
import {
  type CredentialInsertion,
  type CredentialRemoval,
  type CredentialRow,
  CredentialsRepository,
  type CredentialUse,
  type SealedValue,
} from './credentials.repository.js';
import { credentials } from './credentials.schema.js';
import { heldIn } from '../in-projects.js';
import type { HolderScope } from '../types.js';

/** So that an answer has a bound. */
const MAX_CONTAINERS_NAMED = 20;

@Injectable()
export class DrizzleCredentialsRepository extends CredentialsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(credential: CredentialRow, max: number): Promise<CredentialInsertion> {
    const { projectId, userId } = credential;
    try {
      return await this.database.orm.transaction(async (tx): Promise<CredentialInsertion> => {
        // Those who make credentials of one holder wait for each other.
        const holder = `credentials of ${projectId ?? userId}`;
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${holder}, 0))`);
        const ofHolder = projectId === null ? eq(credentials.userId, userId!) : eq(credentials.projectId, projectId);
        if ((await tx.$count(credentials, ofHolder)) >= max) return 'full';
        await tx.insert(credentials).values(credential);
        await recordAudit(tx, entryOf('credential.create', credential));
        return 'inserted';
      });
    } catch (error) {
      if (violatedForeignKey(error) !== undefined) return 'holder_gone';
      throw error;
    }
  }

  async findById(id: string, scope: HolderScope): Promise<CredentialRow | null> {
    const [row] = await this.database.orm
      .select()
      .from(credentials)
      .where(and(eq(credentials.id, id), heldIn(credentials, scope)));
    return row ?? null;
  }

  async findByIds(ids: readonly string[]): Promise<CredentialRow[]> {
    if (ids.length === 0) return [];
    return this.database.orm
      .select()
      .from(credentials)
      .where(inArray(credentials.id, [...ids]));
  }

  async list(scope: HolderScope): Promise<CredentialRow[]> {
    return this.database.orm
      .select()
      .from(credentials)
      .where(heldIn(credentials, scope))
      .orderBy(desc(credentials.createdAt), asc(credentials.id));
  }

  async remove(id: string): Promise<CredentialRemoval> {
    return this.database.orm.transaction(async (tx): Promise<CredentialRemoval> => {
      // The lock waits for transactions that give it to a container, which hold the row.
      const [row] = await tx.select().from(credentials).where(eq(credentials.id, id)).for('update');
      if (row === undefined) return { kind: 'not_found' };
      const users = await tx
        .select({ id: containers.id, name: containers.name })
        .from(containers)
        .where(and(isNull(containers.deletedAt), sql`${id}::uuid = any(${containers.credentials})`))
        .orderBy(asc(containers.createdAt), asc(containers.id))
        .limit(MAX_CONTAINERS_NAMED);
      if (users.length > 0) return { kind: 'in_use', containers: users };
      await tx.delete(credentials).where(eq(credentials.id, id));
      await recordAudit(tx, entryOf('credential.delete', row));
      return { kind: 'removed' };
    });
  }

  async recordUse(credential: CredentialRow, { container, purpose }: CredentialUse, at: Date): Promise<boolean> {
    return this.database.orm.transaction(async (tx) => {
      const { rowCount } = await tx
        .update(credentials)
        .set({ lastUsedAt: sql`greatest(${credentials.lastUsedAt}, ${at.toISOString()}::timestamptz)` })
        .where(eq(credentials.id, credential.id));
      if (rowCount === 0) return false;
      const details = { purpose, containerId: container.id, containerName: container.name };
      // The project whose container uses it, also for the credential of a user.
      const entry = { ...entryOf('credential.use', credential, details), projectId: container.projectId };
      await recordServerAudit(tx, entry);
      return true;
    });
  }

  async reseal(
    keyId: string,
    { after, limit }: { after: string | null; limit: number },
    reseal: (row: CredentialRow) => SealedValue | null,
  ): Promise<{ resealed: number; kept: number; last: string | null }> {
    return this.database.orm.transaction(async (tx) => {
      const rows = await tx
        .select()
        .from(credentials)
        .where(and(ne(credentials.keyId, keyId), after === null ? undefined : gt(credentials.id, after)))
        .orderBy(asc(credentials.id))
        .limit(limit)
        .for('update', { skipLocked: true });
      let resealed = 0;
      for (const row of rows) {
        const value = reseal(row);
        if (value === null) continue;
        await tx.update(credentials).set(value).where(eq(credentials.id, row.id));
        resealed += 1;
      }
      return { resealed, kept: rows.length - resealed, last: rows.at(-1)?.id ?? null };
    });
  }
}

function entryOf(
  action: AuditEntry['action'],
  { id, name, kind, projectId }: CredentialRow,
  more: AuditDetails = {},
): AuditEntry {
  return { action, target: { kind: 'credential', id, name }, projectId, details: { kind, ...more } };
}
