import { Injectable } from '@nestjs/common';
import { and, asc, eq, getTableColumns, gt, inArray, lte } from 'drizzle-orm';
import { recordAudit } from '../../audit/record-audit.js';
import { actorOf, changesOf, userEntry } from '../../audit/user-entries.js';
import type { Transaction } from '../../containers/idempotency-keys.js';
import { Database } from '../../database.js';
import { violatedConstraint, violatedForeignKey } from '../../database-error.js';
import { raiseAccessRevision } from '../drizzle-access-revisions.repository.js';
import {
  type Invitation,
  type ProviderAccount,
  type UserPatch,
  type UserRow,
  UsersRepository,
  type UserWrite,
} from './users.repository.js';
import { sessions } from './sessions.schema.js';
import { invitations, userIdentities, users } from './users.schema.js';
import { revokeById } from '../revoking-queries.js';

@Injectable()
export class DrizzleUsersRepository extends UsersRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(user: UserRow, invitation?: Invitation): Promise<UserWrite> {
    return unlessEmailTaken(() =>
      this.database.orm.transaction(async (tx) => {
        await tx.insert(users).values(user);
        if (invitation !== undefined) await putInvitation(tx, user.id, invitation);
        await recordAudit(tx, userEntry('user.create', user, { role: user.role }));
        return { kind: 'written', row: user };
      }),
    );
  }

  async findById(id: string): Promise<UserRow | null> {
    const [row] = await this.database.orm.select().from(users).where(eq(users.id, id));
    return row ?? null;
  }

  async findByEmail(email: string): Promise<UserRow | null> {
    const [row] = await this.database.orm.select().from(users).where(eq(users.email, email));
    return row ?? null;
  }

  async list(): Promise<UserRow[]> {
    return this.database.orm.select().from(users).orderBy(asc(users.email));
  }

  async update(id: string, patch: UserPatch): Promise<UserWrite> {
    return unlessEmailTaken(() =>
      this.database.orm.transaction(async (tx) => {
        const [row] = await tx.update(users).set(patch).where(eq(users.id, id)).returning();
        if (row === undefined) return { kind: 'not_found' };
        await raiseAccessRevision(tx);
        await recordAudit(tx, userEntry('user.update', row, changesOf(patch)));
        return { kind: 'written', row };
      }),
    );
  }

  async remove(id: string): Promise<boolean> {
    return revokeById(this.database, users, id, (row) => userEntry('user.delete', row));
  }

  async invite(id: string, invitation: Invitation): Promise<boolean> {
    try {
      return await this.database.orm.transaction(async (tx) => {
        await putInvitation(tx, id, invitation);
        const [user] = await tx.select().from(users).where(eq(users.id, id));
        if (user !== undefined) await recordAudit(tx, userEntry('user.invite', user));
        return true;
      });
    } catch (error) {
      if (violatedForeignKey(error) !== undefined) return false;
      throw error;
    }
  }

  async knownInvitations(hashes: string[], now: Date): Promise<string[]> {
    const rows = await this.database.orm
      .select({ hash: invitations.hash })
      .from(invitations)
      .where(and(inArray(invitations.hash, hashes), gt(invitations.expiresAt, now)));
    return rows.map(({ hash }) => hash);
  }

  async acceptInvitation(hash: string, passwordHash: string, now: Date): Promise<UserRow | null> {
    return this.database.orm.transaction(async (tx) => {
      await tx.delete(invitations).where(lte(invitations.expiresAt, now));
      const [taken] = await tx.delete(invitations).where(eq(invitations.hash, hash)).returning();
      if (taken === undefined) return null;
      const [row] = await tx.update(users).set({ passwordHash }).where(eq(users.id, taken.userId)).returning();
      await tx.delete(sessions).where(eq(sessions.userId, taken.userId));
      await raiseAccessRevision(tx);
      if (row === undefined) return null;
      await recordAudit(tx, userEntry('invitation.accept', row), actorOf(row, { kind: 'invitation' }));
      return row;
    });
  }

  async rehash(id: string, earlierHash: string, passwordHash: string): Promise<void> {
    await this.database.orm
      .update(users)
      .set({ passwordHash })
      .where(and(eq(users.id, id), eq(users.passwordHash, earlierHash)));
  }

  async findByAccount({ issuer, subject }: ProviderAccount): Promise<UserRow | null> {
    const [row] = await this.database.orm
      .select(getTableColumns(users))
      .from(userIdentities)
      .innerJoin(users, eq(users.id, userIdentities.userId))
      .where(and(eq(userIdentities.issuer, issuer), eq(userIdentities.subject, subject)));
    return row ?? null;
  }

  async linkAccount(id: string, account: ProviderAccount, now: Date): Promise<boolean> {
    return this.database.orm.transaction(async (tx) => {
      // Accounts of the same user wait for each other.
      const [user] = await tx.select().from(users).where(eq(users.id, id)).for('no key update');
      const [other] = await tx
        .select({ userId: userIdentities.userId })
        .from(userIdentities)
        .where(and(eq(userIdentities.userId, id), eq(userIdentities.issuer, account.issuer)));
      if (user === undefined || other !== undefined) return false;
      const rows = await tx
        .insert(userIdentities)
        .values({ ...account, userId: id, createdAt: now })
        .onConflictDoNothing()
        .returning();
      if (rows.length === 0) return false;
      await recordAudit(tx, userEntry('user.link', user, { issuer: account.issuer }));
      return true;
    });
  }
}

async function putInvitation(tx: Transaction, userId: string, { hash, expiresAt }: Invitation): Promise<void> {
  await tx
    .insert(invitations)
    .values({ hash, userId, expiresAt })
    .onConflictDoUpdate({ target: invitations.userId, set: { hash, expiresAt } });
}

async function unlessEmailTaken(write: () => Promise<UserWrite>): Promise<UserWrite> {
  try {
    return await write();
  } catch (error) {
    if (violatedConstraint(error) === 'users_email') return { kind: 'email_taken' };
    throw error;
  }
}
