import { Injectable } from '@nestjs/common';
import { and, desc, eq, isNull, lte } from 'drizzle-orm';
import { Database } from '../database.js';
import { type SessionRow, SessionsRepository } from './sessions.repository.js';
import { sessions, users } from './users.schema.js';
import { revokeById, storeLastUses } from './revoking-queries.js';

@Injectable()
export class DrizzleSessionsRepository extends SessionsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(session: SessionRow): Promise<boolean> {
    return this.database.orm.transaction(async (tx) => {
      await tx.delete(sessions).where(lte(sessions.expiresAt, session.createdAt));
      // Locks the user, so that one who is disabled at the same time gets no session.
      const found = await tx
        .update(users)
        .set({ lastSignInAt: session.createdAt })
        .where(and(eq(users.id, session.userId), isNull(users.disabledAt)))
        .returning({ id: users.id });
      if (found.length > 0) await tx.insert(sessions).values(session);
      return found.length > 0;
    });
  }

  async findById(id: string): Promise<SessionRow | null> {
    const [row] = await this.database.orm.select().from(sessions).where(eq(sessions.id, id));
    return row ?? null;
  }

  async ofUser(userId: string): Promise<SessionRow[]> {
    return this.database.orm
      .select()
      .from(sessions)
      .where(eq(sessions.userId, userId))
      .orderBy(desc(sessions.createdAt), sessions.id);
  }

  async remove(id: string): Promise<boolean> {
    return revokeById(this.database, sessions, id);
  }

  async noteUsed(times: ReadonlyMap<string, Date>): Promise<void> {
    await storeLastUses(this.database, sessions, times);
  }
}
