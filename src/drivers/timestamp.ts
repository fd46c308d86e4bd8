import { DriverError } from './driver-error.js';

/**
 * The form of a log's timestamps: RFC 3339 in UTC with nine digits of a second, so that text order is time order. The
 * milliseconds of a date would lose the rest of the fraction.
 * @throws DriverError `invalid` for what is no instant
 */
export function toTimestamp(rfc3339: string): string {
  const milliseconds = Date.parse(rfc3339);
  const seconds = Number.isNaN(milliseconds) ? '' : new Date(milliseconds).toISOString().slice(0, -5);
  // Of years beyond four digits there is no such form.
  if (seconds.length !== 'YYYY-MM-DDThh:mm:ss'.length) throw new DriverError('invalid', `"${rfc3339}" is no instant`);
  const [, fraction = ''] = /\.(\d+)/.exec(rfc3339) ?? [];
  return `${seconds}.${fraction.slice(0, 9).padEnd(9, '0')}Z`;
}
