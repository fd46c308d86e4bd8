import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { AdminToken } from './admin-token.js';
import { ApiKeyIdentities } from './api-keys/api-key-identities.js';
import { parseApiKey } from './api-keys/api-key-token.js';
import { ADMINISTRATOR, type Credential, type Identity } from './principal.js';
import { SessionIdentities } from './sessions/session-identities.js';
import { type CookieRequest, SessionAuthenticator } from './sessions/session-authenticator.js';

/** What a caller presents: a token with a request, or in the handshake of a socket; or a browser's cookie. */
export interface Presented {
  readonly by: 'bearer' | 'handshake';
  readonly token: unknown;
  /** Whose cookie counts when there is no token. */
  readonly request?: CookieRequest;
}

const HINTS: Record<Presented['by'], string> = {
  bearer: 'Send the token as "Authorization: Bearer <token>".',
  handshake: 'Send the token as auth.token in the handshake.',
};

/** The same for every token that does not count, so that nobody learns which ones exist. */
const NOT_VALID = 'The token is not valid: it is unknown, revoked or expired.';

/** Finds out who a caller is, for every way into the API. */
@Injectable()
export class Authenticator {
  constructor(
    private readonly adminToken: AdminToken,
    private readonly apiKeys: ApiKeyIdentities,
    private readonly sessions: SessionIdentities,
    private readonly browsers: SessionAuthenticator,
  ) {}

  /** Who a credential belongs to that was presented before. @returns null when it was revoked or has expired */
  async identityOf(credential: Credential): Promise<Identity | null> {
    switch (credential.kind) {
      case 'admin_token':
        return ADMINISTRATOR;
      case 'api_key':
        return this.apiKeys.byId(credential.id);
      case 'session':
        return this.sessions.byId(credential.id);
    }
  }

  /** @throws DomainError `unauthorized`, `csrf_token_invalid` */
  async authenticate({ by, token, request }: Presented): Promise<Identity> {
    if (token === undefined && request?.headers.cookie !== undefined) {
      const identity = await this.browsers.authenticate(request);
      if (identity !== null) return identity;
    }
    if (typeof token !== 'string' || token === '') throw new DomainError('unauthorized', HINTS[by]);
    // An administrator token that looks like a key is still the administrator's.
    if (this.adminToken.matches(token)) return ADMINISTRATOR;
    const key = parseApiKey(token);
    const identity = key === undefined ? null : await this.apiKeys.find(key);
    if (identity === null) throw new DomainError('unauthorized', NOT_VALID);
    return identity;
  }
}
