import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ApiKeyToken } from '../api-keys/api-key-token.js';

/** What the cookie holds: `<id>_<secret>`. */
export type SessionToken = ApiKeyToken;

const TOKEN = /^([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;
const CSRF_PURPOSE = 'devforge csrf';

export function formatSessionToken({ id, secret }: SessionToken): string {
  return `${id}_${secret}`;
}

/** @returns undefined for any other text */
export function parseSessionToken(text: string): SessionToken | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** The CSRF token of a session. It follows from the cookie, and the cookie does not follow from it. */
export function csrfTokenOf({ secret }: SessionToken): string {
  return createHmac('sha256', secret).update(CSRF_PURPOSE).digest('base64url');
}

/** Compares in constant time. */
export function hasCsrfToken(token: SessionToken, given: unknown): boolean {
  const expected = Buffer.from(csrfTokenOf(token));
  const bytes = Buffer.from(typeof given === 'string' ? given : '');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
