import { createHmac } from 'node:crypto';
import { isSameText, type SecretToken } from '../secret-token.js';

const PURPOSE = 'devforge csrf';

/** The CSRF token of a session. It follows from the cookie, and the cookie does not follow from it. */
export function csrfTokenOf({ secret }: SecretToken): string {
  return createHmac('sha256', secret).update(PURPOSE).digest('base64url');
}

/** Compares in constant time. */
export function hasCsrfToken(token: SecretToken, given: unknown): boolean {
  return isSameText(typeof given === 'string' ? given : '', csrfTokenOf(token));
}
