import { validationFailed } from './validation/validation.js';

const MAX_WAIT_SECONDS = 600;
const MAX_KEY_LENGTH = 255;

/** Seconds of `Prefer: wait=N` (RFC 7240), at most {@link MAX_WAIT_SECONDS}, or undefined. */
export function preferredWaitSeconds(prefer: string | undefined): number | undefined {
  const seconds = /(?:^|[,;\s])wait=(\d+)(?=$|[,;\s])/i.exec(prefer ?? '')?.[1];
  return seconds === undefined ? undefined : Math.min(Number(seconds), MAX_WAIT_SECONDS);
}

/** @throws DomainError `validation_failed` when the header is present but not a valid key */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.length === 0 || header.length > MAX_KEY_LENGTH || !/^[\x21-\x7e]+$/.test(header)) {
    throw validationFailed([
      { field: 'Idempotency-Key', messages: [`must be 1 to ${MAX_KEY_LENGTH} printable characters without spaces`] },
    ]);
  }
  return header;
}
