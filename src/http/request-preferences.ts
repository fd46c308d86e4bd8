import { validationFailed } from './validation.js';

const LONGEST_WAIT_SECONDS = 600;
const LONGEST_KEY = 255;

/** Seconds of `Prefer: wait=N` (RFC 7240), or undefined. */
export function preferredWaitSeconds(prefer: string | undefined): number | undefined {
  const seconds = /(?:^|[,;\s])wait=(\d+)(?=$|[,;\s])/i.exec(prefer ?? '')?.[1];
  return seconds === undefined ? undefined : Math.min(Number(seconds), LONGEST_WAIT_SECONDS);
}

/** @throws DomainError `validation_failed` when the header is there and cannot be a key */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.length === 0 || header.length > LONGEST_KEY || !/^[\x21-\x7e]+$/.test(header)) {
    throw validationFailed([
      { field: 'Idempotency-Key', messages: [`must be 1 to ${LONGEST_KEY} printable characters without spaces`] },
    ]);
  }
  return header;
}
