import { Injectable } from '@nestjs/common';
import { and, desc, eq, inArray, isNull, lte } from 'drizzle-orm';
import { recordAudit } from '../../audit/record-audit.js';
import { actorOf, userEntry } from '../../audit/user-entries.js';
import type { Actor } from '../../../common/request-context.js';
import type { Queries } from '../../containers/idempotency-keys.js';
import { Database } from '../../database.js';
import { violatedForeignKey } from '../../database-error.js';
import { type SessionOwner, type SessionRow, SessionsRepository } from './sessions.repository.js';
import { sessions } from './sessions.schema.js';
import { users } from './users.schema.js';
import { revokeById, storeLastUses } from '../revoking-queries.js';

@Injectable()
export class DrizzleSessionsRepository extends SessionsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(session: SessionRow, actor?: Actor): Promise<boolean> {
    try {
      return await this.database.orm.transaction(async (tx) => {
        await tx.delete(sessions).where(lte(sessions.expiresAt, session.createdAt));
        return session.userId === null ? insertOfToken(tx, session, actor) : insertOfUser(tx, session, session.userId);
      });
    } catch (error) {
      if (violatedForeignKey(error) === undefined) throw error;
      return false;
    }
  }

  async findById(id: string): Promise<SessionRow | null> {
    const [row] = await this.database.orm.select().from(sessions).where(eq(sessions.id, id));
    return row ?? null;
  }

  async findByIds(ids: string[]): Promise<SessionRow[]> {
    return this.database.orm.select().from(sessions).where(inArray(sessions.id, ids));
  }

  async ofOwner({ userId, apiKeyId, adminKey }: SessionOwner): Promise<SessionRow[]> {
    const isTheirs =
      (userId !== null && eq(sessions.userId, userId)) ||
      (apiKeyId !== null && eq(sessions.apiKeyId, apiKeyId)) ||
      (adminKey !== null && eq(sessions.adminKey, adminKey));
    if (isTheirs === false) return [];
    return this.database.orm.select().from(sessions).where(isTheirs).orderBy(desc(sessions.createdAt), sessions.id);
  }

  async remove(id: string): Promise<boolean> {
    return revokeById(this.database, sessions, id, () => ({
      action: 'session.end',
      target: { kind: 'session', id, name: null },
      projectId: null,
    }));
  }

  async noteUsed(times: ReadonlyMap<string, Date>): Promise<void> {
    await storeLastUses(this.database, sessions, times);
  }
}

async function insertOfUser(tx: Queries, session: SessionRow, userId: string): Promise<boolean> {
  // Locks the user, so that one who is disabled at the same time gets no session.
  const [user] = await tx
    .update(users)
    .set({ lastSignInAt: session.createdAt })
    .where(and(eq(users.id, userId), isNull(users.disabledAt)))
    .returning({ id: users.id, name: users.name, email: users.email, role: users.role });
  if (user === undefined) return false;
  await tx.insert(sessions).values(session);
  await recordAudit(tx, userEntry('session.create', user), actorOf(user, { kind: 'session', id: session.id }));
  return true;
}

async function insertOfToken(tx: Queries, session: SessionRow, actor?: Actor): Promise<boolean> {
  await tx.insert(sessions).values(session);
  const target = { kind: 'session', id: session.id, name: null };
  await recordAudit(tx, { action: 'session.create', target, projectId: null }, actor);
  return true;
}
