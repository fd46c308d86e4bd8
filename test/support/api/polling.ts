const FIRST_MS = 20;
const LAST_MS = 100;

/**
 * How long to wait before each question of a poll, in milliseconds, without an end: a short wait ends at once, and a
 * long one leaves the processor to what is waited for.
 */
export function* pollIntervals(): Generator<number, never> {
  for (let ms = FIRST_MS; ; ms = Math.min(ms + FIRST_MS, LAST_MS)) yield ms;
}
