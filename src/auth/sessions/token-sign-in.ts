import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { Authenticator } from '../authenticator.js';
import { SessionOwners } from './session-owners.js';
import { type BegunSession, type BrowserAddress, SessionsService } from './sessions.service.js';
import { SignInLimit } from './sign-in-limit.js';

/** Signs browsers in by a token of the API, which they then need not keep. */
@Injectable()
export class TokenSignIn {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly owners: SessionOwners,
    private readonly limit: SignInLimit,
    private readonly sessions: SessionsService,
  ) {}

  /** @throws DomainError `invalid_credentials`, `rate_limited` */
  async signIn(token: string, from: BrowserAddress): Promise<BegunSession> {
    const succeed = await this.limit.begin(from.address);
    const identity = await this.authenticator.authenticate({ by: 'bearer', token }).catch((error: unknown) => {
      if (error instanceof DomainError && error.code === 'unauthorized') return null;
      throw error;
    });
    const owner = identity === null ? null : await this.owners.of(identity);
    const begun = owner === null ? null : await this.sessions.begin(owner, from);
    if (begun === null) throw new DomainError('invalid_credentials', 'The token is unknown, revoked or expired.');
    await succeed();
    return begun;
  }
}
