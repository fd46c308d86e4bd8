import { createHash, timingSafeEqual } from 'node:crypto';
import type { IdGenerator } from '../../common/id-generator.js';

/** What the holder of a credential presents: by the id it is found, by the secret it is proved. */
export interface SecretToken {
  id: string;
  secret: string;
}

const TOKEN = /^([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;
const ID = /^[0-9a-f]{32}$/;
export const SECRET_BYTES = 32;
const HASH_OF_NOTHING = hashOfSecret('');

export function newSecretToken(ids: IdGenerator): SecretToken {
  return { id: ids.next().replaceAll('-', ''), secret: ids.secret(SECRET_BYTES) };
}

/** `<id>_<secret>` */
export function formatSecretToken({ id, secret }: SecretToken): string {
  return `${id}_${secret}`;
}

/** @returns undefined for any other text */
export function parseSecretToken(text: string): SecretToken | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** Whether a text has the form of an id; PostgreSQL rejects some others. */
export function isTokenId(text: string): boolean {
  return ID.test(text);
}

/** The secret is 256 random bits, so one round of SHA-256 is enough. */
export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/**
 * Compares in constant time.
 * @param hash undefined when there is nothing of the id; a guess of the id takes as long as a guess of the secret
 */
export function hasHash(secret: string, hash: string | undefined): boolean {
  return isSameText(hashOfSecret(secret), hash ?? HASH_OF_NOTHING) && hash !== undefined;
}

/** Compares in a time that tells nothing but the length of `expected`. */
export function isSameText(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
