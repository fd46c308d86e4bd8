import { Injectable } from '@nestjs/common';
import { eq, inArray, lt } from 'drizzle-orm';
import { Database } from '../../database.js';
import { violatedForeignKey } from '../../database-error.js';
import { type SessionLinkRow, SessionLinksRepository } from './session-links.repository.js';
import { sessionLinks } from './sessions.schema.js';

@Injectable()
export class DrizzleSessionLinksRepository extends SessionLinksRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(link: SessionLinkRow, now: Date): Promise<boolean> {
    await this.database.orm.delete(sessionLinks).where(lt(sessionLinks.expiresAt, now));
    try {
      await this.database.orm.insert(sessionLinks).values(link);
      return true;
    } catch (error) {
      if (violatedForeignKey(error) === undefined) throw error;
      return false;
    }
  }

  async known(hashes: string[]): Promise<string[]> {
    const rows = await this.database.orm
      .select({ hash: sessionLinks.hash })
      .from(sessionLinks)
      .where(inArray(sessionLinks.hash, hashes));
    return rows.map(({ hash }) => hash);
  }

  async take(hash: string): Promise<SessionLinkRow | null> {
    const [row] = await this.database.orm.delete(sessionLinks).where(eq(sessionLinks.hash, hash)).returning();
    return row ?? null;
  }
}
