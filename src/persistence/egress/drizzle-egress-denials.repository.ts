import { Injectable } from '@nestjs/common';
import { and, asc, eq, gt, inArray, isNull, lte, max as maximum, sql } from 'drizzle-orm';
import { containers } from '../containers/containers.schema.js';
import { Database } from '../database.js';
import { egressDenials } from './egress.schema.js';
import { type EgressDenialRow, EgressDenialsRepository } from './egress-denials.repository.js';

@Injectable()
export class DrizzleEgressDenialsRepository extends EgressDenialsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(denials: EgressDenialRow[], max: number): Promise<(EgressDenialRow & { projectId: string })[]> {
    if (denials.length === 0) return [];
    return this.database.orm.transaction(async (tx) => {
      const ids = [...new Set(denials.map(({ containerId }) => containerId))];
      // The lock waits for the removal of a container, and keeps it from being removed meanwhile.
      const present = await tx
        .select({ id: containers.id, projectId: containers.projectId })
        .from(containers)
        .where(and(inArray(containers.id, ids), isNull(containers.deletedAt)))
        .orderBy(asc(containers.id))
        .for('key share');
      const projects = new Map(present.map(({ id, projectId }) => [id, projectId]));
      const known = denials.filter(({ containerId }) => projects.has(containerId));
      if (known.length === 0) return [];
      const inserted = await tx.insert(egressDenials).values(known).onConflictDoNothing().returning();
      const last = new Map<string, number>();
      for (const { containerId, seq } of inserted) last.set(containerId, Math.max(seq, last.get(containerId) ?? 0));
      for (const [containerId, seq] of last)
        await tx
          .delete(egressDenials)
          .where(and(eq(egressDenials.containerId, containerId), lte(egressDenials.seq, seq - max)));
      return inserted.map((row) => ({ ...row, projectId: projects.get(row.containerId)! }));
    });
  }

  async lastOfEach(): Promise<Map<string, number>> {
    const rows = await this.database.orm
      .select({ id: egressDenials.containerId, seq: maximum(egressDenials.seq) })
      .from(egressDenials)
      .groupBy(egressDenials.containerId);
    return new Map(rows.map(({ id, seq }) => [id, seq ?? 0]));
  }

  async list(containerId: string, after: number, limit: number): Promise<EgressDenialRow[]> {
    return this.database.orm
      .select()
      .from(egressDenials)
      .where(and(eq(egressDenials.containerId, containerId), gt(egressDenials.seq, after)))
      .orderBy(asc(egressDenials.seq))
      .limit(limit);
  }

  async removeBefore(time: Date, limit: number): Promise<number> {
    const { rowCount } = await this.database.orm.execute(sql`
      delete from ${egressDenials} where ctid in (
        select ctid from ${egressDenials} where ${egressDenials.at} < ${time.toISOString()}::timestamptz
        order by ${egressDenials.at} limit ${limit} for update skip locked
      )`);
    return rowCount ?? 0;
  }
}
