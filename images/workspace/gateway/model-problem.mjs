const MIN_INTERVAL_MS = 1_000;
/** @type {Record<number, Reason>} */
const REASONS = { 401: 'credential_refused', 403: 'credential_refused', 429: 'rate_limited', 529: 'overloaded' };

/**
 * @typedef {'credential_refused' | 'rate_limited' | 'overloaded' | 'failed' | 'unreachable'} Reason
 * @typedef {{ reason: Reason, status: number | null, at: string }} Problem without anything that the API has written
 */

/** Why the model's API did not answer a workspace last, until it does. */
export class ModelProblem {
  /** @type {Problem | null} */
  current = null;
  #isDue = false;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /** @param {(problem: Problem | null) => void} onChange called once a second at most, with the latest */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /** @param {number | null} status of an answer to a request for a model; null when there was none */
  note(status) {
    if (status !== null && status >= 200 && status < 300) return this.clear();
    const reason = status === null ? 'unreachable' : (REASONS[status] ?? (status >= 500 ? 'failed' : undefined));
    // Of others, the request is the cause.
    if (reason !== undefined) this.#set({ reason, status, at: new Date().toISOString() });
  }

  clear() {
    if (this.current !== null) this.#set(null);
  }

  /** @param {Problem | null} problem */
  #set(problem) {
    this.current = problem;
    this.#isDue = true;
    if (this.#timer === undefined) this.#publish();
  }

  #publish() {
    this.#timer = undefined;
    if (!this.#isDue) return;
    this.#isDue = false;
    this.onChange(this.current);
    this.#timer = setTimeout(() => this.#publish(), MIN_INTERVAL_MS);
    this.#timer.unref();
  }
}
