import { createHash, timingSafeEqual } from 'node:crypto';

/** What a client presents: `df_<id>_<secret>`. */
export interface ApiKeyToken {
  id: string;
  secret: string;
}

const TOKEN = /^df_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;
export const SECRET_BYTES = 32;

export function formatApiKey({ id, secret }: ApiKeyToken): string {
  return `df_${id}_${secret}`;
}

/** @returns undefined for any other text */
export function parseApiKey(text: string): ApiKeyToken | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** The secret is 256 random bits, so one round of SHA-256 is enough. */
export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares in constant time. */
export function hasHash(secret: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashOfSecret(secret), 'hex'), Buffer.from(hash, 'hex'));
}
