import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, gte, inArray, lt, or, sql, type SQL } from 'drizzle-orm';
import { Database } from '../database.js';
import { auditEvents } from './audit.schema.js';
import {
  type AuditEntry,
  type AuditEventRow,
  AuditEventsRepository,
  type AuditQuery,
} from './audit-events.repository.js';
import { recordAudit } from './record-audit.js';

@Injectable()
export class DrizzleAuditEventsRepository extends AuditEventsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  record(entry: AuditEntry): Promise<void> {
    return recordAudit(this.database.orm, entry);
  }

  async list(query: AuditQuery): Promise<AuditEventRow[]> {
    const { scope, actor, action, target, outcome, since, until, limit, before } = query;
    if (scope !== 'all' && scope.length === 0) return [];
    const wanted: (SQL | undefined)[] = [
      scope === 'all' ? undefined : inArray(auditEvents.projectId, [...scope]),
      actor === undefined ? undefined : or(eq(auditEvents.actorId, actor), eq(auditEvents.actorName, actor)),
      action === undefined
        ? undefined
        : or(eq(auditEvents.action, action), sql`starts_with(${auditEvents.action}, ${`${action}.`})`),
      target === undefined ? undefined : or(eq(auditEvents.targetId, target), eq(auditEvents.targetName, target)),
      outcome === undefined ? undefined : eq(auditEvents.outcome, outcome),
      since === undefined ? undefined : gte(auditEvents.at, since),
      until === undefined ? undefined : lt(auditEvents.at, until),
      before === undefined ? undefined : lt(auditEvents.id, before),
    ];
    return this.database.orm
      .select()
      .from(auditEvents)
      .where(and(...wanted))
      .orderBy(desc(auditEvents.id))
      .limit(limit);
  }

  async removeBefore(time: Date, limit: number): Promise<number> {
    const { orm } = this.database;
    // Other processes may remove the same ones.
    const old = orm
      .select({ id: auditEvents.id })
      .from(auditEvents)
      .where(lt(auditEvents.at, time))
      .orderBy(asc(auditEvents.at))
      .limit(limit)
      .for('update', { skipLocked: true });
    const { rowCount } = await orm.delete(auditEvents).where(inArray(auditEvents.id, old));
    return rowCount ?? 0;
  }
}
