import { randomBytes, randomUUID } from 'node:crypto';

/** Source of random values, injected so that tests can predict them. */
export abstract class IdGenerator {
  /** A random UUID, the identifier of a new row. */
  abstract next(): string;
  /** @returns `bytes` random bytes in base64url */
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

/** Whether the text is a lower-case UUID, the form in which ids are stored and sent. */
export function isId(text: string): boolean {
  return UUID.test(text);
}

/** The id that a client means, who may write it in upper case. @returns undefined for any other text */
export function asId(text: string): string | undefined {
  const lower = text.toLowerCase();
  return isId(lower) ? lower : undefined;
}
