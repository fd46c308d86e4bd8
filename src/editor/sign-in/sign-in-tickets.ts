import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { Clock } from '../../common/time/clock.js';
import { IdGenerator } from '../../common/id-generator.js';
import { SignInTicketsRepository } from '../../persistence/auth/sign-in-tickets.repository.js';
import type { Site } from '../proxy/site.js';

const LIFETIME_MS = 5 * 60_000;
const TICKET_BYTES = 32;

/** Single-use tickets in the links to sites, valid for five minutes. Every replica finds their hashes in the database. */
@Injectable()
export class SignInTickets {
  constructor(
    private readonly tickets: SignInTicketsRepository,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  async issue(site: Site): Promise<{ ticket: string; expiresAt: Date }> {
    const ticket = this.ids.secret(TICKET_BYTES);
    const now = this.clock.now();
    const expiresAt = new Date(now.getTime() + LIFETIME_MS);
    await this.tickets.insert({ hash: hashOf(ticket), ...site, apiKeyId: null, expiresAt }, now);
    return { ticket, expiresAt };
  }

  /** Whether the ticket is valid for the site. A ticket is used up by this, even if it is for another site. */
  async redeem(ticket: string, site: Site): Promise<boolean> {
    const known = await this.tickets.take(hashOf(ticket));
    return (
      known !== null &&
      known.containerId === site.containerId &&
      known.port === site.port &&
      known.expiresAt > this.clock.now()
    );
  }
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('hex');
}
