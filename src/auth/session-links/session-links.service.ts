import { Injectable } from '@nestjs/common';
import { BatchedLookup } from '../../common/concurrency/batched-lookup.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { Settings } from '../../config/settings.js';
import { SessionLinksRepository } from '../../persistence/auth/users/session-links.repository.js';
import { hashOfSecret, SECRET_BYTES } from '../credentials/secret-token.js';
import type { Identity } from '../principal.js';
import { SessionOwners } from '../sessions/session-owners.js';
import { type BegunSession, type BrowserAddress, SessionsService } from '../sessions/sessions.service.js';
import type { SessionLinkDto } from './session-link.dto.js';

const LIFETIME_MS = 15 * 60_000;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** Links that sign one browser in, once. The secret is in the fragment, which browsers send to no server. */
@Injectable()
export class SessionLinksService {
  /** Guesses of strangers wait for one query at a time. */
  private readonly known = new BatchedLookup(async (hashes: string[]) =>
    (await this.links.known(hashes)).map((id) => ({ id })),
  );

  constructor(
    private readonly links: SessionLinksRepository,
    private readonly owners: SessionOwners,
    private readonly sessions: SessionsService,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /** @throws DomainError `sign_in_unavailable`, `unauthorized` when the credential was revoked meanwhile */
  async create(identity: Identity): Promise<SessionLinkDto> {
    const { editorDomain, publicUrl } = this.settings;
    if (editorDomain === null)
      throw new DomainError(
        'sign_in_unavailable',
        'Signing in needs EDITOR_DOMAIN, so that VS Code has its own origin.',
      );
    const secret = this.ids.secret(SECRET_BYTES);
    const now = this.clock.now();
    const owner = await this.owners.of(identity);
    if (owner === null) throw revoked();
    const expiresAt = await this.owners.endWithin(owner, new Date(now.getTime() + LIFETIME_MS));
    if (!(await this.links.insert({ hash: hashOfSecret(secret), ...owner, expiresAt }, now))) throw revoked();
    return { url: `${publicUrl}/welcome#${secret}`, expiresAt: expiresAt.toISOString() };
  }

  /** Uses the link up. @throws DomainError `invalid_credentials` */
  async redeem(secret: string, from: BrowserAddress): Promise<BegunSession> {
    const hash = SECRET.test(secret) ? hashOfSecret(secret) : null;
    const isKnown = hash !== null && (await this.known.get(hash)) !== null;
    const link = isKnown ? await this.links.take(hash) : null;
    const isValid = link !== null && link.expiresAt > this.clock.now();
    const begun = isValid ? await this.sessions.begin(link, from) : null;
    if (begun === null)
      throw new DomainError('invalid_credentials', 'This link has been used, has expired, or does not exist.');
    return begun;
  }
}

function revoked(): DomainError {
  return new DomainError('unauthorized', 'The credential has been revoked.');
}
