import { randomBytes } from 'node:crypto';

/** A name that no other container of this machine has. */
export function uniqueName(prefix = 'test'): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}
