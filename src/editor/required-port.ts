import { DomainError } from '../common/errors/domain-error.js';
import { parsePort } from '../sites/port.js';

const RULE = 'port must be a decimal number from 1 to 65535';

/** @throws DomainError `validation_failed` unless the text is a decimal port number */
export function requiredPort(text: string): number {
  const port = parsePort(text);
  if (port === undefined)
    throw new DomainError('validation_failed', RULE, { fields: [{ field: 'port', messages: [RULE] }] });
  return port;
}
