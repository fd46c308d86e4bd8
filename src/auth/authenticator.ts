import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { AdminToken } from './admin-token.js';
import { ADMINISTRATOR, type Principal } from './principal.js';

/** What a caller presents: a token with a request, or in the handshake of a socket. */
export interface Credential {
  readonly kind: 'bearer' | 'handshake';
  readonly token: unknown;
}

const HINTS: Record<Credential['kind'], string> = {
  bearer: 'Send the token as "Authorization: Bearer <token>".',
  handshake: 'Send the token as auth.token in the handshake.',
};

/** Turns a credential into the principal that it belongs to, for every way into the API. */
@Injectable()
export class Authenticator {
  constructor(private readonly adminToken: AdminToken) {}

  /** @throws DomainError `unauthorized` */
  async authenticate({ kind, token }: Credential): Promise<Principal> {
    if (typeof token !== 'string' || !this.adminToken.matches(token))
      throw new DomainError('unauthorized', HINTS[kind]);
    return ADMINISTRATOR;
  }
}
