import { Injectable } from '@nestjs/common';
import {
  and,
  asc,
  desc,
  eq,
  exists,
  inArray,
  isNotNull,
  isNull,
  lt,
  ne,
  notExists,
  or,
  sql,
  type SQL,
} from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { Target } from '../../common/request-context.js';
import { type IdempotencyKey, QuotaExceededError } from '../containers/containers.repository.js';
import { exceededQuota, exceededQuotaLocked } from '../auth/project-quotas.js';
import { recordAudit } from '../audit/record-audit.js';
import { Database } from '../database.js';
import { violatedConstraint } from '../database-error.js';
import {
  type ClaimedInstruction,
  type InstructionActivity,
  type InstructionEnd,
  type InstructionInsertOutcome,
  type InstructionLease,
  type InstructionListQuery,
  type InstructionProgress,
  type InstructionRow,
  InstructionsRepository,
  type NewInstruction,
  type RenewedLease,
} from './instructions.repository.js';
import { instructionPermissions, instructions } from './instructions.schema.js';
import { containers } from '../containers/containers.schema.js';
import type { Scope, StatusReason } from '../types.js';
import { claimKey, type ExistingKey, findKey, type Transaction } from '../containers/idempotency-keys.js';
import { inProjects } from '../in-projects.js';
import { EVERYTHING } from '../everything.js';

const now = sql`now()`;
const inMs = (ms: number): SQL => sql`now() + make_interval(secs => ${ms / 1000})`;
const running = alias(instructions, 'running');

@Injectable()
export class DrizzleInstructionsRepository extends InstructionsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(instruction: NewInstruction, key?: IdempotencyKey): Promise<InstructionInsertOutcome> {
    const { id: instructionId, containerId, projectId, ownerId, createdAt } = instruction;
    return this.database.orm.transaction(async (tx): Promise<InstructionInsertOutcome> => {
      // The project before the container, as where containers are started.
      const exceeded = await exceededQuotaLocked(tx, projectId, { instructions: 1 });
      // The share lock makes a concurrent deletion of the container wait, so that it deletes this instruction too.
      const live = and(eq(containers.id, containerId), isNull(containers.deletedAt), ne(containers.status, 'deleting'));
      const container = await tx.select({ id: containers.id }).from(containers).where(live).for('share');
      if (container.length === 0) return { kind: 'container_gone' };
      const known =
        key &&
        (await claimKey(tx, { ownerId, scope: scopeOf(containerId), containerId, instructionId, createdAt }, key));
      if (known !== undefined) return toOutcome(known);
      if (exceeded !== null) throw new QuotaExceededError(exceeded);
      const [row] = await tx
        .insert(instructions)
        .values({ ...instruction, status: 'queued' })
        .returning();
      await recordAudit(tx, { action: 'instruction.create', target: targetOf(instructionId), projectId });
      return { kind: 'inserted', row: row! };
    });
  }

  async requireQuota(projectId: string): Promise<void> {
    const exceeded = await exceededQuota(this.database.orm, projectId, { instructions: 1 });
    if (exceeded !== null) throw new QuotaExceededError(exceeded);
  }

  async findByKey(
    ownerId: string,
    containerId: string,
    key: IdempotencyKey,
  ): Promise<Exclude<InstructionInsertOutcome, { kind: 'inserted' }> | null> {
    const known = await findKey(this.database.orm, { ownerId, scope: scopeOf(containerId) }, key);
    return known === undefined ? null : toOutcome(known);
  }

  async findById(id: string, scope: Scope): Promise<InstructionRow | null> {
    const wanted = and(eq(instructions.id, id), inProjects(instructions.projectId, scope));
    const [row] = await this.database.orm.select().from(instructions).where(wanted);
    return row ?? null;
  }

  async progress(id: string): Promise<InstructionProgress | null> {
    const openRequests = sql`(select string_agg(request_id, ' ' order by request_id) from ${instructionPermissions} as request where request.instruction_id = ${id} and request.closed_at is null)`;
    const [row] = await this.database.orm
      .select({
        lastSeq: instructions.lastSeq,
        isFinished: sql<boolean>`${instructions.finishedAt} is not null`,
        version: sql<string>`concat_ws('|', ${instructions.status}, ${instructions.sessionId}, ${instructions.cancelRequestedAt}, ${instructions.turns}, ${instructions.costUsd}, ${openRequests})`,
      })
      .from(instructions)
      .where(eq(instructions.id, id));
    return row ?? null;
  }

  async activities(): Promise<InstructionActivity[]> {
    const { toolName, input, askedAt } = instructionPermissions;
    const rows = await this.database.orm
      .selectDistinctOn([instructions.containerId], {
        containerId: instructions.containerId,
        startedAt: instructions.startedAt,
        toolName,
        input,
        askedAt,
      })
      .from(instructions)
      .leftJoin(
        instructionPermissions,
        and(eq(instructionPermissions.instructionId, instructions.id), isNull(instructionPermissions.closedAt)),
      )
      .where(eq(instructions.status, 'running'))
      .orderBy(instructions.containerId, asc(askedAt));
    return rows.map((row) => ({
      containerId: row.containerId,
      startedAt: row.startedAt!,
      pendingPermission:
        row.toolName === null ? null : { toolName: row.toolName, input: row.input!, askedAt: row.askedAt! },
    }));
  }

  async list({ scope, containerId, status, limit, before }: InstructionListQuery): Promise<InstructionRow[]> {
    const wanted = and(
      inProjects(instructions.projectId, scope),
      containerId === undefined ? undefined : eq(instructions.containerId, containerId),
      status === undefined ? undefined : eq(instructions.status, status),
      before === undefined ? undefined : lt(instructions.position, before),
    );
    return this.database.orm
      .select()
      .from(instructions)
      .where(wanted)
      .orderBy(desc(instructions.position))
      .limit(limit);
  }

  async claim(containerId: string, holder: string, ttlMs: number): Promise<ClaimedInstruction | null> {
    const lease = { leaseHolder: holder, leaseExpiresAt: inMs(ttlMs), fence: sql`${instructions.fence} + 1` };
    const [unheld] = await this.database.orm
      .update(instructions)
      .set(lease)
      .where(and(eq(instructions.containerId, containerId), eq(instructions.status, 'running'), this.isFree()))
      .returning();
    const row = unheld ?? (await this.claimNext(containerId, lease));
    return row === undefined ? null : { row, lease: { instructionId: row.id, holder, fence: row.fence } };
  }

  async claimable(): Promise<string[]> {
    const waits = and(eq(instructions.status, 'queued'), this.containerRuns(), this.nothingRuns());
    const rows = await this.database.orm
      .selectDistinct({ id: instructions.containerId })
      .from(instructions)
      .where(or(and(eq(instructions.status, 'running'), this.isFree()), waits));
    return rows.map(({ id }) => id);
  }

  async hasUnfinished(containerId: string): Promise<boolean> {
    const wanted = and(eq(instructions.containerId, containerId), inArray(instructions.status, ['queued', 'running']));
    return (
      (await this.database.orm.select({ id: instructions.id }).from(instructions).where(wanted).limit(1)).length > 0
    );
  }

  async storedBytes(): Promise<number> {
    const [row] = await this.database.orm
      .select({
        bytes: sql<string>`coalesce(sum(${instructions.eventOffset} + coalesce(${instructions.diffBytes}, 0)), 0)`,
      })
      .from(instructions);
    return Number(row!.bytes);
  }

  async renew(leases: InstructionLease[], ttlMs: number): Promise<RenewedLease[]> {
    if (leases.length === 0) return [];
    const renewed = await this.database.orm
      .update(instructions)
      .set({ leaseExpiresAt: inMs(ttlMs) })
      .where(or(...leases.map(isHeldBy)))
      .returning({
        id: instructions.id,
        holder: instructions.leaseHolder,
        fence: instructions.fence,
        cancelRequestedAt: instructions.cancelRequestedAt,
      });
    return renewed.map(({ id, holder, fence, cancelRequestedAt }) => ({
      lease: { instructionId: id, holder: holder!, fence },
      cancelRequested: cancelRequestedAt !== null,
    }));
  }

  async release(lease: InstructionLease): Promise<void> {
    await this.database.orm.update(instructions).set(FREE).where(isHeldBy(lease));
  }

  async leaseHolders(): Promise<string[]> {
    const rows = await this.database.orm
      .selectDistinct({ holder: instructions.leaseHolder })
      .from(instructions)
      .where(and(eq(instructions.status, 'running'), isNotNull(instructions.leaseHolder)));
    return rows.flatMap(({ holder }) => (holder === null ? [] : [holder]));
  }

  async releaseLeasesOf(holder: string): Promise<void> {
    await this.database.orm
      .update(instructions)
      .set(FREE)
      .where(and(eq(instructions.status, 'running'), eq(instructions.leaseHolder, holder)));
  }

  async finish(lease: InstructionLease, { status, reason, patch }: InstructionEnd): Promise<InstructionRow | null> {
    return this.database.orm.transaction(async (tx) => {
      const [row] = await tx
        .update(instructions)
        .set({ ...patch, status, statusReason: reason, finishedAt: now, ...FREE })
        .where(isHeldBy(lease))
        .returning();
      if (row === undefined) return null;
      const openRequests = and(
        eq(instructionPermissions.instructionId, row.id),
        isNull(instructionPermissions.closedAt),
      );
      await tx.update(instructionPermissions).set({ closedAt: now }).where(openRequests);
      return row;
    });
  }

  async cancel(id: string, reason: StatusReason): Promise<InstructionRow | null> {
    const changed = await this.database.orm.transaction(async (tx) => {
      const [queued] = await tx
        .update(instructions)
        .set({ status: 'cancelled', statusReason: reason, cancelRequestedAt: now, finishedAt: now })
        .where(and(eq(instructions.id, id), eq(instructions.status, 'queued')))
        .returning();
      const row = queued ?? (await markCancelled(tx, id));
      if (row !== undefined)
        await recordAudit(tx, { action: 'instruction.cancel', target: targetOf(id), projectId: row.projectId });
      return row;
    });
    return changed ?? this.findById(id, EVERYTHING);
  }

  /** Starts the first queued instruction, unless another process starts one at the same moment. */
  private async claimNext(containerId: string, lease: object): Promise<InstructionRow | undefined> {
    const next = this.database.orm
      .select({ id: instructions.id })
      .from(instructions)
      .where(and(eq(instructions.containerId, containerId), eq(instructions.status, 'queued')))
      .orderBy(asc(instructions.position))
      .limit(1);
    try {
      const [row] = await this.database.orm
        .update(instructions)
        .set({ ...lease, status: 'running', startedAt: now })
        .where(
          and(eq(instructions.id, next), eq(instructions.status, 'queued'), this.containerRuns(), this.nothingRuns()),
        )
        .returning();
      return row;
    } catch (error) {
      if (violatedConstraint(error) === 'instructions_running') return undefined;
      throw error;
    }
  }

  private isFree(): SQL | undefined {
    return or(isNull(instructions.leaseHolder), lt(instructions.leaseExpiresAt, now));
  }

  private containerRuns(): SQL {
    const runs = and(
      eq(containers.id, instructions.containerId),
      eq(containers.status, 'running'),
      isNull(containers.deletedAt),
    );
    return exists(this.database.orm.select({ id: containers.id }).from(containers).where(runs));
  }

  private nothingRuns(): SQL {
    const runs = and(eq(running.containerId, instructions.containerId), eq(running.status, 'running'));
    return notExists(this.database.orm.select({ id: running.id }).from(running).where(runs));
  }
}

/** Asks for the end of a running instruction. @returns undefined unless it runs, and was not cancelled before */
async function markCancelled(tx: Transaction, id: string): Promise<InstructionRow | undefined> {
  const [marked] = await tx
    .update(instructions)
    .set({ cancelRequestedAt: now })
    .where(and(eq(instructions.id, id), eq(instructions.status, 'running'), isNull(instructions.cancelRequestedAt)))
    .returning();
  return marked;
}

function targetOf(id: string): Target {
  return { kind: 'instruction', id, name: null };
}

const FREE = { leaseHolder: null, leaseExpiresAt: null };

export function isHeldBy({ instructionId, holder, fence }: InstructionLease): SQL | undefined {
  return and(
    eq(instructions.id, instructionId),
    eq(instructions.leaseHolder, holder),
    eq(instructions.fence, fence),
    eq(instructions.status, 'running'),
  );
}

function scopeOf(containerId: string): string {
  return `instructions of ${containerId}`;
}

function toOutcome(known: ExistingKey): Exclude<InstructionInsertOutcome, { kind: 'inserted' }> {
  return known.kind === 'replayed' ? { kind: 'replayed', instructionId: known.row.instructionId! } : known;
}
