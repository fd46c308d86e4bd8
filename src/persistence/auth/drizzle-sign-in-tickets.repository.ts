import { Injectable } from '@nestjs/common';
import { eq, inArray, lt } from 'drizzle-orm';
import { recordContainerAudit } from '../audit/record-audit.js';
import { Database } from '../database.js';
import { violatedForeignKey } from '../database-error.js';
import { signInTickets } from '../containers/containers.schema.js';
import { type SignInTicketRow, SignInTicketsRepository } from './sign-in-tickets.repository.js';

@Injectable()
export class DrizzleSignInTicketsRepository extends SignInTicketsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(ticket: SignInTicketRow, now: Date): Promise<'inserted' | 'container_gone' | 'credential_gone'> {
    await this.database.orm.delete(signInTickets).where(lt(signInTickets.expiresAt, now));
    try {
      await this.database.orm.transaction(async (tx) => {
        await tx.insert(signInTickets).values(ticket);
        const { containerId, port } = ticket;
        if (port === null) await recordContainerAudit(tx, 'editor.link', containerId);
        else await recordContainerAudit(tx, 'preview.link', containerId, { port });
      });
      return 'inserted';
    } catch (error) {
      const violated = violatedForeignKey(error);
      if (violated === undefined) throw error;
      return violated.includes('container_id') ? 'container_gone' : 'credential_gone';
    }
  }

  async known(hashes: string[]): Promise<string[]> {
    const rows = await this.database.orm
      .select({ hash: signInTickets.hash })
      .from(signInTickets)
      .where(inArray(signInTickets.hash, hashes));
    return rows.map(({ hash }) => hash);
  }

  async take(hash: string): Promise<SignInTicketRow | null> {
    const [row] = await this.database.orm.delete(signInTickets).where(eq(signInTickets.hash, hash)).returning();
    return row ?? null;
  }
}
