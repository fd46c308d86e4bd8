import { Injectable } from '@nestjs/common';
import { and, desc, eq, inArray, isNull, lte } from 'drizzle-orm';
import { recordAudit } from '../../audit/record-audit.js';
import { actorOf, userEntry } from '../../audit/user-entries.js';
import { Database } from '../../database.js';
import { type SessionRow, SessionsRepository } from './sessions.repository.js';
import { sessions, users } from './users.schema.js';
import { revokeById, storeLastUses } from '../revoking-queries.js';

@Injectable()
export class DrizzleSessionsRepository extends SessionsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(session: SessionRow): Promise<boolean> {
    return this.database.orm.transaction(async (tx) => {
      await tx.delete(sessions).where(lte(sessions.expiresAt, session.createdAt));
      // Locks the user, so that one who is disabled at the same time gets no session.
      const [user] = await tx
        .update(users)
        .set({ lastSignInAt: session.createdAt })
        .where(and(eq(users.id, session.userId), isNull(users.disabledAt)))
        .returning({ id: users.id, name: users.name, email: users.email, role: users.role });
      if (user === undefined) return false;
      await tx.insert(sessions).values(session);
      const { id } = session;
      await recordAudit(tx, userEntry('session.create', user), actorOf(user, { kind: 'session', id }));
      return true;
    });
  }

  async findById(id: string): Promise<SessionRow | null> {
    const [row] = await this.database.orm.select().from(sessions).where(eq(sessions.id, id));
    return row ?? null;
  }

  async findByIds(ids: string[]): Promise<SessionRow[]> {
    return this.database.orm.select().from(sessions).where(inArray(sessions.id, ids));
  }

  async ofUser(userId: string): Promise<SessionRow[]> {
    return this.database.orm
      .select()
      .from(sessions)
      .where(eq(sessions.userId, userId))
      .orderBy(desc(sessions.createdAt), sessions.id);
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
