/** The longest delay that `setTimeout` takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** @typedef {'timed_out' | 'stalled' | 'grace'} Expiry */

/**
 * Ends an attempt that takes too long or makes no progress:
 * - the whole run has `timeoutSeconds`, including the time for which it waits for permissions;
 * - after a result, the CLI has `graceSeconds` without output to end by itself;
 * - while a permission is pending, only `timeoutSeconds` counts;
 * - otherwise it may be without output for `stallSeconds`, and for `toolSeconds` more while a tool is running.
 */
export class Watchdog {
  /** `null` once it has been stopped. @type {NodeJS.Timeout | null | undefined} */
  #timer;
  #lastActivity = performance.now();
  #request;
  #conversation;
  #end;
  #onExpire;

  /**
   * @param {import('./request.mjs').Request} request
   * @param {import('./conversation.mjs').Conversation} conversation
   * @param {number} remainingMs what is left of `timeoutSeconds`
   * @param {(cause: Expiry) => void} onExpire
   */
  constructor(request, conversation, remainingMs, onExpire) {
    this.#request = request;
    this.#conversation = conversation;
    this.#end = performance.now() + remainingMs;
    this.#onExpire = onExpire;
    this.#schedule();
  }

  /** Restarts the time without output: the CLI, or somebody who answers it, is active. */
  reset() {
    this.#lastActivity = performance.now();
    this.#schedule();
  }

  stop() {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  /** @returns {{ cause: Expiry, at: number }} */
  #next() {
    const { graceSeconds, stallSeconds, toolSeconds } = this.#request;
    const { isFinished, permissions, tools } = this.#conversation;
    const silence = (/** @type {number} */ seconds) => this.#lastActivity + seconds * 1000;
    if (isFinished) return { cause: 'grace', at: silence(graceSeconds) };
    const stalledAt = silence(stallSeconds + (tools.size > 0 ? toolSeconds : 0));
    if (permissions.size > 0 || stalledAt >= this.#end) return { cause: 'timed_out', at: this.#end };
    return { cause: 'stalled', at: stalledAt };
  }

  #schedule() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    const { cause, at } = this.#next();
    const delay = at - performance.now();
    this.#timer = setTimeout(
      () => (delay > MAX_DELAY_MS ? this.#schedule() : this.#onExpire(cause)),
      Math.min(Math.max(delay, 0), MAX_DELAY_MS),
    );
  }
}
