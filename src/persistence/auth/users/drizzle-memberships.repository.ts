import { Injectable } from '@nestjs/common';
import { and, asc, eq } from 'drizzle-orm';
import type { AuditEntry } from '../../audit/audit-events.repository.js';
import { recordAudit } from '../../audit/record-audit.js';
import type { Transaction } from '../../containers/idempotency-keys.js';
import { Database } from '../../database.js';
import { violatedForeignKey } from '../../database-error.js';
import { memberships, projects } from '../auth.schema.js';
import { raiseAccessRevision } from '../drizzle-access-revisions.repository.js';
import {
  type Member,
  type MembershipOptions,
  type MembershipRow,
  MembershipsRepository,
  type MembershipWrite,
} from './memberships.repository.js';
import { users } from './users.schema.js';

@Injectable()
export class DrizzleMembershipsRepository extends MembershipsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async put(membership: MembershipRow, { keepsOwner }: MembershipOptions): Promise<MembershipWrite> {
    const { projectId, userId, role } = membership;
    try {
      return await this.database.orm.transaction(async (tx): Promise<MembershipWrite> => {
        if (!(await lockProject(tx, projectId))) return { kind: 'project_not_found' };
        if (keepsOwner && role !== 'owner' && (await isLastOwner(tx, projectId, userId))) return { kind: 'last_owner' };
        const [row] = await tx
          .insert(memberships)
          .values(membership)
          .onConflictDoUpdate({ target: [memberships.projectId, memberships.userId], set: { role } })
          .returning();
        await raiseAccessRevision(tx);
        await recordAudit(tx, await entryOf(tx, 'member.set', membership));
        return { kind: 'written', row: row! };
      });
    } catch (error) {
      if (violatedForeignKey(error) !== undefined) return { kind: 'user_not_found' };
      throw error;
    }
  }

  async remove(
    projectId: string,
    userId: string,
    { keepsOwner }: MembershipOptions,
  ): Promise<'removed' | 'not_found' | 'last_owner'> {
    return this.database.orm.transaction(async (tx) => {
      await lockProject(tx, projectId);
      if (keepsOwner && (await isLastOwner(tx, projectId, userId))) return 'last_owner';
      const [row] = await tx.delete(memberships).where(membership(projectId, userId)).returning();
      if (row === undefined) return 'not_found';
      await raiseAccessRevision(tx);
      await recordAudit(tx, await entryOf(tx, 'member.remove', row));
      return 'removed';
    });
  }

  async ofProject(projectId: string): Promise<Member[]> {
    const rows = await this.database.orm
      .select({ membership: memberships, email: users.email, name: users.name })
      .from(memberships)
      .innerJoin(users, eq(users.id, memberships.userId))
      .where(eq(memberships.projectId, projectId))
      .orderBy(asc(users.email));
    return rows.map(({ membership: row, email, name }) => ({ ...row, email, name }));
  }

  async ofUser(userId: string): Promise<MembershipRow[]> {
    return this.database.orm.select().from(memberships).where(eq(memberships.userId, userId));
  }
}

/** Changes of the members of one project wait for each other. @returns false when there is no such project */
async function lockProject(tx: Transaction, projectId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: projects.id })
    .from(projects)
    .where(eq(projects.id, projectId))
    .for('no key update');
  return rows.length > 0;
}

async function isLastOwner(tx: Transaction, projectId: string, userId: string): Promise<boolean> {
  const owners = await tx
    .select({ userId: memberships.userId })
    .from(memberships)
    .where(and(eq(memberships.projectId, projectId), eq(memberships.role, 'owner')))
    .limit(2);
  return owners.length === 1 && owners[0]!.userId === userId;
}

async function entryOf(
  tx: Transaction,
  action: AuditEntry['action'],
  { projectId, userId, role }: MembershipRow,
): Promise<AuditEntry> {
  const [user] = await tx.select({ email: users.email }).from(users).where(eq(users.id, userId));
  return { action, target: { kind: 'user', id: userId, name: user?.email ?? null }, projectId, details: { role } };
}

function membership(projectId: string, userId: string) {
  return and(eq(memberships.projectId, projectId), eq(memberships.userId, userId));
}
