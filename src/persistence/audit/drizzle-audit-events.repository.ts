import { Injectable } from '@nestjs/common';
import { and, asc, type Column, desc, eq, gte, inArray, isNull, lt, notInArray, or, sql, type SQL } from 'drizzle-orm';
import { currentContext, type Target } from '../../common/request-context.js';
import type { PgTable } from 'drizzle-orm/pg-core';
import { apiKeys, projects } from '../auth/auth.schema.js';
import { containers, jobs, keptVolume } from '../containers/containers.schema.js';
import { Database } from '../database.js';
import { auditEvents } from './audit.schema.js';
import {
  type AuditEntry,
  type AuditEventRow,
  AuditEventsRepository,
  type AuditQuery,
  type Refusal,
} from './audit-events.repository.js';
import { callerOf, recordAudit } from './record-audit.js';
import { inProjects } from '../in-projects.js';
import { EVERYTHING } from '../everything.js';
import { credentials } from '../credentials/credentials.schema.js';
import { snapshots } from '../snapshots/snapshots.schema.js';
import { instructions } from '../instructions/instructions.schema.js';

/** What belongs to a project, or to a user, by its kind. */
const HELD: Readonly<
  Record<string, typeof instructions | typeof jobs | typeof credentials | typeof apiKeys | typeof snapshots>
> = {
  instruction: instructions,
  job: jobs,
  credential: credentials,
  api_key: apiKeys,
  snapshot: snapshots,
};

@Injectable()
export class DrizzleAuditEventsRepository extends AuditEventsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  record(entry: AuditEntry): Promise<void> {
    return recordAudit(this.database.orm, entry);
  }

  async recordRefusal({ action, target, projectId, code }: Refusal): Promise<void> {
    const context = currentContext();
    if (context === undefined) return;
    await this.database.orm.insert(auditEvents).values({
      ...callerOf(context),
      action,
      targetKind: target.kind,
      targetId: target.id,
      targetName: target.name,
      projectId,
      outcome: 'refused',
      code,
    });
  }

  async existsOutside(projectIds: readonly string[], { kind, id, name }: Target): Promise<boolean> {
    const { orm } = this.database;
    const outside = (column: Column): SQL => or(isNull(column), notInArray(column, [...projectIds]))!;
    const exists = async (table: PgTable, ...conditions: SQL[]): Promise<boolean> =>
      (await orm.$count(table, and(...conditions))) > 0;
    if (kind === 'container') {
      const isMeant = id === null ? eq(containers.name, name ?? '') : eq(containers.id, id);
      return exists(containers, isMeant, isNull(containers.deletedAt), outside(containers.projectId));
    }
    if (kind === 'project') {
      const isMeant = id === null ? eq(projects.name, name ?? '') : eq(projects.id, id);
      return exists(projects, isMeant, outside(projects.id));
    }
    if (id === null) return false;
    if (kind === 'volume') return exists(containers, keptVolume(eq(containers.id, id))!, outside(containers.projectId));
    const table = HELD[kind];
    return table !== undefined && exists(table, eq(table.id, id), outside(table.projectId));
  }

  async list(query: AuditQuery): Promise<AuditEventRow[]> {
    const { scope, actor, action, target, outcome, since, until, limit, before } = query;
    if (scope !== EVERYTHING && scope.length === 0) return [];
    const wanted: (SQL | undefined)[] = [
      inProjects(auditEvents.projectId, scope),
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
