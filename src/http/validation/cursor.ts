import { isId } from '../../common/id-generator.js';
import type { DomainError } from '../../common/errors/domain-error.js';
import { LATEST_TIMESTAMP } from './is-timestamp.js';
import { validationFailed } from './validation.js';

/** Sort position of a container in a list. */
export interface Position {
  createdAt: Date;
  id: string;
}

export function encodeCursor({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

/** @throws DomainError `validation_failed` for anything but the result of {@link encodeCursor} */
export function decodeCursor(cursor: string): Position {
  const [time = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split('.');
  const createdAt = new Date(Number(time));
  if (!/^\d+$/.test(time) || !(createdAt.getTime() <= LATEST_TIMESTAMP) || !isId(id)) throw invalidCursor();
  return { createdAt, id };
}

/** `validation_failed` */
export function invalidCursor(): DomainError {
  return validationFailed([{ field: 'cursor', messages: ['must be the nextCursor of an earlier page'] }]);
}
