import { createHmac } from 'node:crypto';
import { DomainError } from '../../common/errors/domain-error.js';
import type { Identity } from '../principal.js';
import { isSameText, type SecretToken } from '../credentials/secret-token.js';

const PURPOSE = 'devforge csrf';

/** A change by a session came without its CSRF token. */
export class CsrfTokenError extends DomainError {
  /** @param identity whose session it is */
  constructor(readonly identity: Identity) {
    super('csrf_token_invalid', 'A change by a session needs its csrfToken as X-CSRF-Token.');
  }
}

/** The CSRF token of a session. It follows from the cookie, and the cookie does not follow from it. */
export function csrfTokenOf({ secret }: SecretToken): string {
  return createHmac('sha256', secret).update(PURPOSE).digest('base64url');
}

/** Compares in constant time. */
export function hasCsrfToken(token: SecretToken, given: unknown): boolean {
  return isSameText(typeof given === 'string' ? given : '', csrfTokenOf(token));
}
