import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { Credential } from '../../auth/principal.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { BatchedLookup } from '../../common/concurrency/batched-lookup.js';
import { Clock } from '../../common/time/clock.js';
import { IdGenerator } from '../../common/id-generator.js';
import { type SignInTicketRow, SignInTicketsRepository } from '../../persistence/auth/sign-in-tickets.repository.js';
import { containerNotFound } from '../../workspace/container-errors.js';
import type { Site } from '../proxy/site.js';

const LIFETIME_MS = 5 * 60_000;
const TICKET_BYTES = 32;

/** Single-use tickets in the links to sites, valid for five minutes. Every replica finds their hashes in the database. */
@Injectable()
export class SignInTickets {
  /** Guesses of strangers wait for one query at a time. */
  private readonly known = new BatchedLookup(async (hashes: string[]) =>
    (await this.tickets.known(hashes)).map((id) => ({ id })),
  );

  constructor(
    private readonly tickets: SignInTicketsRepository,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /** @throws DomainError `unauthorized`, `container_not_found` when one is gone that was there when the request came */
  async issue(site: Site, credential: Credential): Promise<{ ticket: string; expiresAt: Date }> {
    const ticket = this.ids.secret(TICKET_BYTES);
    const now = this.clock.now();
    const expiresAt = new Date(now.getTime() + LIFETIME_MS);
    const row = { hash: hashOf(ticket), ...site, ...columnsOf(credential), expiresAt };
    const outcome = await this.tickets.insert(row, now);
    if (outcome === 'container_gone') throw containerNotFound(site.containerId);
    if (outcome === 'credential_gone') throw new DomainError('unauthorized', 'The credential has been revoked.');
    return { ticket, expiresAt };
  }

  /**
   * A ticket is used up by this, even if it is for another site.
   * @returns the credential that it was issued for; null when it is not valid for the site
   */
  async redeem(ticket: string, site: Site): Promise<Credential | null> {
    const hash = hashOf(ticket);
    const known = (await this.known.get(hash)) === null ? null : await this.tickets.take(hash);
    const isValid =
      known !== null &&
      known.containerId === site.containerId &&
      known.port === site.port &&
      known.expiresAt > this.clock.now();
    if (!isValid) return null;
    return credentialOf(known);
  }
}

function columnsOf(credential: Credential): Pick<SignInTicketRow, 'apiKeyId' | 'sessionId'> {
  return {
    apiKeyId: credential.kind === 'api_key' ? credential.id : null,
    sessionId: credential.kind === 'session' ? credential.id : null,
  };
}

function credentialOf({ apiKeyId, sessionId }: SignInTicketRow): Credential {
  if (sessionId !== null) return { kind: 'session', id: sessionId };
  return apiKeyId === null ? { kind: 'admin_token' } : { kind: 'api_key', id: apiKeyId };
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('hex');
}
