import { randomBytes, randomUUID } from 'node:crypto';

/** Randomness, injected so that tests can foresee it. */
export abstract class IdGenerator {
  /** A new identifier for a row: a UUID. */
  abstract next(): string;
  /** A secret of `bytes` random bytes, in base64url. */
  abstract secret(bytes: number): string;
}

export class RandomIdGenerator extends IdGenerator {
  next(): string {
    return randomUUID();
  }

  secret(bytes: number): string {
    return randomBytes(bytes).toString('base64url');
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(text: string): boolean {
  return UUID.test(text);
}
