import { Injectable } from '@nestjs/common';
import { and, asc, eq, gte, inArray, isNotNull, isNull, lt, ne, notExists, or, sql } from 'drizzle-orm';
import { containers } from '../containers/containers.schema.js';
import { Database } from '../database.js';
import type { WarmWorkspaceState } from '../types.js';
import { type Reservation, type WarmKind, WarmPoolRepository, type WarmWorkspaceRow } from './warm-pool.repository.js';
import { warmWorkspaces } from './warm-pool.schema.js';

const {
  id: ID,
  template: TEMPLATE,
  fenced: FENCED,
  state: STATE,
  createdAt: CREATED_AT,
  claimedAt: CLAIMED_AT,
} = warmWorkspaces;
const ofKind = ({ template, fenced }: WarmKind) => and(eq(TEMPLATE, template), eq(FENCED, fenced));

@Injectable()
export class DrizzleWarmPoolRepository extends WarmPoolRepository {
  constructor(private readonly database: Database) {
    super();
  }

  list(): Promise<WarmWorkspaceRow[]> {
    return this.database.orm.select().from(warmWorkspaces).orderBy(asc(CREATED_AT), asc(ID));
  }

  async findById(id: string): Promise<WarmWorkspaceRow | null> {
    const [row] = await this.database.orm.select().from(warmWorkspaces).where(eq(ID, id));
    return row ?? null;
  }

  reserve({ size, max, holder, now, ...kind }: Reservation, newId: () => string): Promise<string[]> {
    return this.database.orm.transaction(async (tx) => {
      const lock = `warm pool ${kind.template} ${kind.fenced}`;
      await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`);
      const present = await tx.$count(warmWorkspaces, and(ofKind(kind), inArray(STATE, ['making', 'ready'])));
      const ids = Array.from({ length: Math.max(0, Math.min(size - present, max)) }, newId);
      const rows = ids.map((id) => ({ id, ...kind, state: 'making' as const, holder, createdAt: now }));
      if (rows.length > 0) await tx.insert(warmWorkspaces).values(rows);
      return ids;
    });
  }

  async markReady(
    id: string,
    made: { runtimeId: string; fingerprint: string; env: Record<string, string> },
  ): Promise<boolean> {
    const { rowCount } = await this.database.orm
      .update(warmWorkspaces)
      .set({ ...made, state: 'ready' })
      .where(and(eq(ID, id), eq(STATE, 'making')));
    return rowCount === 1;
  }

  async claim(kind: WarmKind, now: Date): Promise<string | null> {
    const ready = this.database.orm
      .select({ id: ID })
      .from(warmWorkspaces)
      .where(and(ofKind(kind), eq(STATE, 'ready')))
      .orderBy(asc(CREATED_AT))
      .limit(1)
      .for('update', { skipLocked: true });
    const [claimed] = await this.database.orm
      .update(warmWorkspaces)
      .set({ state: 'claimed', claimedAt: now })
      .where(eq(ID, sql`(${ready})`))
      .returning({ id: ID });
    return claimed?.id ?? null;
  }

  async release(id: string): Promise<void> {
    await this.database.orm
      .update(warmWorkspaces)
      .set({ state: 'ready', claimedAt: null })
      .where(and(eq(ID, id), eq(STATE, 'claimed')));
  }

  async end(id: string, from: readonly WarmWorkspaceState[]): Promise<boolean> {
    const { rowCount } = await this.database.orm
      .update(warmWorkspaces)
      .set({ state: 'ending' })
      .where(and(eq(ID, id), inArray(STATE, [...from])));
    return rowCount === 1;
  }

  async forget(id: string): Promise<void> {
    await this.database.orm.delete(warmWorkspaces).where(and(eq(ID, id), eq(STATE, 'ending')));
  }

  async settleClaims(before: Date): Promise<void> {
    await this.database.orm.transaction(async (tx) => {
      const its = tx.select({ id: containers.id }).from(containers).where(eq(containers.id, ID));
      const known = tx
        .select({ id: containers.id })
        .from(containers)
        .where(or(isNotNull(containers.runtimeId), isNotNull(containers.deletedAt)));
      await tx.delete(warmWorkspaces).where(and(eq(STATE, 'claimed'), inArray(ID, known)));
      await tx
        .update(warmWorkspaces)
        .set({ state: 'ending' })
        .where(and(eq(STATE, 'claimed'), lt(CLAIMED_AT, before), notExists(its)));
    });
  }

  countCreated({ template, fenced }: WarmKind, since: Date): Promise<number> {
    const isOpen = fenced ? ne(containers.egress, 'open') : eq(containers.egress, 'open');
    return this.database.orm.$count(
      containers,
      and(
        eq(containers.template, template),
        isOpen,
        gte(containers.createdAt, since),
        isNull(containers.dataId),
        isNull(containers.sshKeyPath),
      ),
    );
  }
}
