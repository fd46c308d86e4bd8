import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, lte, not, or, sql, type SQL } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import {
  type ContainerPatch,
  type ContainerRow,
  ContainersRepository,
  growthOf,
  type IdempotencyKey,
  type InsertOutcome,
  type JobRow,
  type KeptVolume,
  type Lease,
  type ListQuery,
  type QueueLimit,
  QuotaExceededError,
  type SpecConflict,
  type SpecPatch,
  type Transition,
} from './containers.repository.js';
import { Database } from '../database.js';
import { violatedConstraint } from '../database-error.js';
import { containerEntry, recordAudit } from '../audit/record-audit.js';
import { exceededQuota, exceededQuotaLocked } from '../auth/project-quotas.js';
import type { Activity, AuditAction, ContainerStatus, ProjectUsage, Scope } from '../types.js';
import { instructionEvents, instructions } from '../instructions/instructions.schema.js';
import { inScope, inStates, live, lockCredentials, lockKeptVolume } from './container-conditions.js';
import { egressDenials } from '../egress/egress.schema.js';
import { readContainer, readContainers, readContainersByIdsOrNames, readContainersByName } from './container-reads.js';
import { containers, idempotencyKeys, jobs, keptVolume } from './containers.schema.js';
import type { Queries, Transaction } from './idempotency-keys.js';
import { insertContainer } from './insert-container.js';
import { EVERYTHING } from '../everything.js';

const now = sql`now()`;
const inMs = (ms: number): SQL => sql`now() + make_interval(secs => ${ms / 1000})`;

@Injectable()
export class DrizzleContainersRepository extends ContainersRepository {
  constructor(private readonly database: Database) {
    super();
  }

  insert(container: ContainerRow, job: JobRow, key?: IdempotencyKey, queue?: QueueLimit): Promise<InsertOutcome> {
    return insertContainer(this.database, { container, job, key, queue });
  }

  async requireQuota(projectId: string, more: Partial<ProjectUsage>): Promise<void> {
    const exceeded = await exceededQuota(this.database.orm, projectId, more);
    if (exceeded !== null) throw new QuotaExceededError(exceeded);
  }

  async countInStates(ownerId: string, states: readonly ContainerStatus[]): Promise<number> {
    return this.database.orm.$count(containers, inStates(ownerId, states));
  }

  async findById(id: string, scope: Scope): Promise<ContainerRow | null> {
    return readContainer(this.database.pool, id, scope);
  }

  async findByName(name: string, scope: Scope): Promise<ContainerRow[]> {
    return readContainersByName(this.database.pool, name, scope);
  }

  async findByIdsOrNames(references: string[], projectId: string): Promise<ContainerRow[]> {
    return readContainersByIdsOrNames(this.database.pool, references, projectId);
  }

  async list(query: ListQuery): Promise<ContainerRow[]> {
    return readContainers(this.database.pool, query);
  }

  async listAll(): Promise<ContainerRow[]> {
    return this.database.orm.select().from(containers).where(isNull(containers.deletedAt));
  }

  async tombstones(ids: string[]): Promise<{ id: string; keepVolume: boolean }[]> {
    if (ids.length === 0) return [];
    return this.database.orm
      .select({ id: containers.id, keepVolume: containers.keepVolume })
      .from(containers)
      .where(and(inArray(containers.id, ids), isNotNull(containers.deletedAt)));
  }

  async transition(id: string, { newJob, audit, ...transition }: Transition): Promise<ContainerRow | null> {
    const willRun = transition.patch?.desiredRunning === true;
    if (newJob === undefined && audit === undefined && !willRun)
      return applyTransition(this.database.orm, id, transition);
    return this.database.orm.transaction(async (tx) => {
      if (willRun) await requireQuotaToRun(tx, id);
      const row = await applyTransition(tx, id, transition);
      if (row !== null && newJob !== undefined) await tx.insert(jobs).values(newJob);
      if (row !== null && audit !== undefined) await recordAudit(tx, containerEntry(audit, row));
      return row;
    });
  }

  async update(id: string, patch: ContainerPatch, lease?: Lease): Promise<ContainerRow | null> {
    const [row] = await this.database.orm
      .update(containers)
      .set({ ...patch, updatedAt: now })
      .where(live(eq(containers.id, id), held(lease)))
      .returning();
    return row ?? null;
  }

  async changeSpec(
    id: string,
    patch: SpecPatch,
    lease: Lease,
    action: AuditAction = 'container.update',
  ): Promise<ContainerRow | null | SpecConflict> {
    try {
      return await this.database.orm.transaction(async (tx) => {
        await requireQuotaToChange(tx, id, patch);
        if (!(await lockCredentials(tx, patch.credentials ?? []))) return 'credential_not_found';
        const [row] = await tx
          .update(containers)
          .set({ ...patch, updatedAt: now })
          .where(live(eq(containers.id, id), held(lease)))
          .returning();
        if (row !== undefined) await recordAudit(tx, containerEntry(action, row));
        return row ?? null;
      });
    } catch (error) {
      if (violatedConstraint(error) === 'containers_name') return 'name_taken';
      throw error;
    }
  }

  async keptVolumes(scope: Scope): Promise<KeptVolume[]> {
    const user = alias(containers, 'user');
    const rows = await this.database.orm
      .select({
        id: containers.id,
        projectId: containers.projectId,
        containerName: containers.name,
        template: containers.template,
        keptAt: containers.deletedAt,
        attachedTo: user.id,
      })
      .from(containers)
      .leftJoin(user, and(eq(user.dataId, containers.id), isNull(user.deletedAt)))
      .where(keptVolume(inScope(scope)))
      .orderBy(desc(containers.deletedAt), asc(containers.id));
    return rows.map(({ keptAt, ...row }) => ({ ...row, keptAt: keptAt! }));
  }

  async releaseVolume(id: string): Promise<'released' | 'not_found' | 'in_use'> {
    return this.database.orm.transaction(async (tx) => {
      if (!(await lockKeptVolume(tx, id, EVERYTHING))) return 'not_found';
      const users = await tx
        .select({ id: containers.id })
        .from(containers)
        .where(live(eq(containers.dataId, id)));
      if (users.length > 0) return 'in_use';
      const [row] = await tx
        .update(containers)
        .set({ keepVolume: false })
        .where(eq(containers.id, id))
        .returning({ name: containers.name, projectId: containers.projectId });
      const { name, projectId } = row!;
      await recordAudit(tx, { action: 'volume.delete', target: { kind: 'volume', id, name }, projectId });
      return 'released';
    });
  }

  async noteEditorSeen(id: string, at: Date): Promise<void> {
    const seen = sql`greatest(${containers.editorLastSeenAt}, ${at.toISOString()}::timestamptz)`;
    await this.database.orm
      .update(containers)
      .set({ editorLastSeenAt: seen })
      .where(live(eq(containers.id, id)));
  }

  async noteActivity(id: string, activity: Activity, at: Date): Promise<ContainerStatus | null> {
    const time = sql`${at.toISOString()}::timestamptz`;
    const isLater = sql`coalesce(${containers.lastActivityAt} < ${time}, true)`;
    const [row] = await this.database.orm
      .update(containers)
      .set({
        lastActivityAt: sql`greatest(${containers.lastActivityAt}, ${time})`,
        activity: sql`case when ${isLater} then ${activity} else ${containers.activity} end`,
      })
      .where(live(eq(containers.id, id)))
      .returning({ status: containers.status });
    return row?.status ?? null;
  }

  async listScheduled(by: Date): Promise<ContainerRow[]> {
    const { schedule, scheduleNextAt } = containers;
    return this.database.orm
      .select()
      .from(containers)
      .where(live(isNotNull(schedule), or(isNull(scheduleNextAt), lte(scheduleNextAt, by))));
  }

  async settleSchedule(id: string, from: Date | null, to: Date): Promise<boolean> {
    const { scheduleNextAt } = containers;
    const { rowCount } = await this.database.orm
      .update(containers)
      .set({ scheduleNextAt: to })
      .where(live(eq(containers.id, id), from === null ? isNull(scheduleNextAt) : eq(scheduleNextAt, from)));
    return rowCount === 1;
  }

  async listStoppingByThemselves(): Promise<ContainerRow[]> {
    const { idleStopMinutes, ttlMinutes, waitingStopMinutes } = containers;
    const hasLimit = or(isNotNull(idleStopMinutes), isNotNull(ttlMinutes), isNotNull(waitingStopMinutes));
    return this.database.orm
      .select()
      .from(containers)
      .where(live(eq(containers.status, 'running'), hasLimit));
  }

  async tombstone(id: string, lease: Lease): Promise<void> {
    await this.database.orm.transaction(async (tx) => {
      const rows = await tx
        .update(containers)
        .set({
          deletedAt: now,
          updatedAt: now,
          env: {},
          credentials: [],
          egressAllow: [],
          sshKeyPath: null,
          repoUrl: null,
          gitName: null,
          gitEmail: null,
          leaseHolder: null,
          leaseExpiresAt: null,
        })
        .where(live(eq(containers.id, id), held(lease)))
        .returning({ dataId: containers.dataId, keepVolume: containers.keepVolume });
      const [row] = rows;
      if (row === undefined) return;
      if (row.dataId !== null && !row.keepVolume)
        await tx.update(containers).set({ keepVolume: false }).where(eq(containers.id, row.dataId));
      await tx.delete(jobs).where(eq(jobs.containerId, id));
      // Writers of events lock their instruction, so no event is inserted after its deletion.
      const deleted = await tx
        .delete(instructions)
        .where(eq(instructions.containerId, id))
        .returning({ id: instructions.id });
      for (const instruction of deleted)
        await tx.delete(instructionEvents).where(eq(instructionEvents.instructionId, instruction.id));
      await tx.delete(idempotencyKeys).where(eq(idempotencyKeys.containerId, id));
      await tx.delete(egressDenials).where(eq(egressDenials.containerId, id));
    });
  }

  async acquireLease(id: string, holder: string, ttlMs: number): Promise<Lease | null> {
    const [row] = await this.database.orm
      .update(containers)
      .set({ leaseHolder: holder, leaseExpiresAt: inMs(ttlMs), fence: sql`${containers.fence} + 1` })
      .where(live(eq(containers.id, id), or(isNull(containers.leaseHolder), lt(containers.leaseExpiresAt, now))))
      .returning({ fence: containers.fence });
    return row === undefined ? null : { containerId: id, holder, fence: row.fence };
  }

  async renewLease(lease: Lease, ttlMs: number): Promise<boolean> {
    const rows = await this.database.orm
      .update(containers)
      .set({ leaseExpiresAt: inMs(ttlMs) })
      .where(live(eq(containers.id, lease.containerId), held(lease)))
      .returning({ id: containers.id });
    return rows.length > 0;
  }

  async releaseLease(lease: Lease): Promise<void> {
    await this.database.orm
      .update(containers)
      .set({ leaseHolder: null, leaseExpiresAt: null })
      .where(and(eq(containers.id, lease.containerId), held(lease)));
  }

  async leaseHolders(): Promise<string[]> {
    const rows = await this.database.orm
      .selectDistinct({ holder: containers.leaseHolder })
      .from(containers)
      .where(isNotNull(containers.leaseHolder));
    return rows.flatMap(({ holder }) => (holder === null ? [] : [holder]));
  }

  async releaseLeasesOf(holder: string): Promise<void> {
    await this.database.orm
      .update(containers)
      .set({ leaseHolder: null, leaseExpiresAt: null })
      .where(eq(containers.leaseHolder, holder));
  }

  async purge(before: { idempotencyKeys: Date; tombstones: Date }): Promise<void> {
    await this.database.orm.delete(idempotencyKeys).where(lt(idempotencyKeys.createdAt, before.idempotencyKeys));
    const hasVolume = and(containers.keepVolume, isNull(containers.dataId));
    await this.database.orm.delete(containers).where(and(lt(containers.deletedAt, before.tombstones), not(hasVolume!)));
  }
}

async function requireQuotaToChange(tx: Transaction, id: string, patch: SpecPatch): Promise<void> {
  if (patch.cpuLimit === undefined && patch.memoryLimit === undefined && patch.diskLimit === undefined) return;
  const [row] = await tx
    .select()
    .from(containers)
    .where(live(eq(containers.id, id)));
  const exceeded = row === undefined ? null : await exceededQuotaLocked(tx, row.projectId, growthOf(row, patch));
  if (exceeded !== null) throw new QuotaExceededError(exceeded);
}

async function requireQuotaToRun(tx: Transaction, id: string): Promise<void> {
  const [row] = await tx
    .select({ projectId: containers.projectId, desiredRunning: containers.desiredRunning })
    .from(containers)
    .where(live(eq(containers.id, id)));
  if (row === undefined || row.desiredRunning) return;
  const exceeded = await exceededQuotaLocked(tx, row.projectId, { running: 1 });
  if (exceeded !== null) throw new QuotaExceededError(exceeded);
}

/** Updates the container and its job in one statement: one round trip and one commit. */
async function applyTransition(
  on: Queries,
  id: string,
  { from, to, patch, lease, quietSince, job }: Omit<Transition, 'newJob'>,
): Promise<ContainerRow | null> {
  const update = on
    .update(containers)
    .set({ statusReason: null, ...patch, status: to, updatedAt: now })
    .where(live(eq(containers.id, id), inArray(containers.status, [...from]), held(lease), quiet(quietSince)))
    .returning();
  if (job === undefined) return (await update)[0] ?? null;
  const changed = on.$with('changed').as(update);
  const withJob = on.$with('with_job').as(
    on
      .update(jobs)
      .set({ ...job.patch, updatedAt: now })
      .where(and(eq(jobs.id, job.id), sql`exists (select from ${changed})`))
      .returning({ id: jobs.id }),
  );
  return (await on.with(changed, withJob).select().from(changed))[0] ?? null;
}

function quiet(since: Date | undefined): SQL | undefined {
  return since === undefined ? undefined : or(isNull(containers.lastActivityAt), lte(containers.lastActivityAt, since));
}

function held(lease: Lease | undefined): SQL | undefined {
  return lease === undefined
    ? undefined
    : and(eq(containers.fence, lease.fence), eq(containers.leaseHolder, lease.holder));
}
