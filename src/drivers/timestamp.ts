import { DriverError } from './driver-error.js';

/**
 * Normalizes to the format of log timestamps: RFC 3339 in UTC with nine fractional digits, so that text order is time
 * order. A Date would lose everything below milliseconds.
 * @throws DriverError `invalid` for text that is not a time
 */
export function toTimestamp(rfc3339: string): string {
  const milliseconds = Date.parse(rfc3339);
  const seconds = Number.isNaN(milliseconds) ? '' : new Date(milliseconds).toISOString().slice(0, -5);
  // Years beyond four digits cannot be written in this format.
  if (seconds.length !== 'YYYY-MM-DDThh:mm:ss'.length) throw new DriverError('invalid', `"${rfc3339}" is not a time`);
  const [, fraction = ''] = /\.(\d+)/.exec(rfc3339) ?? [];
  return `${seconds}.${fraction.slice(0, 9).padEnd(9, '0')}Z`;
}
