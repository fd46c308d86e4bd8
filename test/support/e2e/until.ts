import { setTimeout as sleep } from 'node:timers/promises';
import { pollIntervals } from '../api/polling.js';

/**
 * Asks until the answer is there, and gives it back.
 *
 * @param ask answers `undefined` or `false` as long as there is nothing yet; what it throws counts as nothing, too
 * @throws Error that names `what`, with the last error, when `timeoutMs` pass
 */
export async function until<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  timeoutMs = 15_000,
): Promise<Answer> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  const intervals = pollIntervals();
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`, { cause: last });
    await sleep(intervals.next().value);
  }
}
