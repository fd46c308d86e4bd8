import { statSync } from 'node:fs';

/**
 * The content of run.json. Times are in milliseconds of the epoch.
 *
 * @typedef {object} Saved
 * @property {string | null} startedAt in ISO 8601
 * @property {number} attempts
 * @property {number} spentMs run time of the attempts before the current one
 * @property {number} attemptAt when the current attempt began
 * @property {number} offset where in the events the current attempt begins, in bytes
 * @property {import('./outcome.mjs').StopCause | null} stopped
 * @property {string | null} [treeBefore]
 */

/** run.json: what the next runner needs when this one is interrupted. */
export class Progress {
  /** @type {Saved} */
  #saved;
  #spentMs;
  /** @type {number | null} */
  #attemptBegan = null;
  #folder;

  /** @param {import('./folder.mjs').Folder} folder */
  constructor(folder) {
    this.#folder = folder;
    this.#saved = folder.read('run.json') ?? {
      startedAt: null,
      attempts: 0,
      spentMs: 0,
      attemptAt: 0,
      offset: 0,
      stopped: null,
    };
    // An interrupted runner is assumed to have lived until its last event.
    const lastEvent = this.attempts > 0 ? (statSync(folder.events, { throwIfNoEntry: false })?.mtimeMs ?? 0) : 0;
    this.#spentMs = this.#saved.spentMs + Math.max(0, lastEvent - this.#saved.attemptAt);
  }

  get startedAt() {
    return this.#saved.startedAt;
  }

  get attempts() {
    return this.#saved.attempts;
  }

  /** Where in the events the latest attempt begins, in bytes. */
  get offset() {
    return this.#saved.offset;
  }

  /** Why the latest attempt was stopped, or `null`. */
  get stopped() {
    return this.#saved.stopped;
  }

  /** The tree of the repository before the run: `null` without a repository, `undefined` before it was taken. */
  get treeBefore() {
    return this.#saved.treeBefore;
  }

  /** Total run time of all attempts, in milliseconds. */
  get spentMs() {
    return this.#spentMs + (this.#attemptBegan === null ? 0 : Date.now() - this.#attemptBegan);
  }

  /** @param {number} offset in bytes @param {number} now */
  beginAttempt(offset, now = Date.now()) {
    const { startedAt, attempts } = this.#saved;
    this.#spentMs = this.spentMs;
    this.#attemptBegan = now;
    this.#save({
      startedAt: startedAt ?? new Date(now).toISOString(),
      spentMs: this.#spentMs,
      attempts: attempts + 1,
      attemptAt: now,
      offset,
      stopped: null,
    });
  }

  /** @param {import('./outcome.mjs').StopCause} stopped */
  stop(stopped) {
    this.#save({ stopped });
  }

  /** @param {string | null} treeBefore */
  setTreeBefore(treeBefore) {
    this.#save({ treeBefore });
  }

  /** @param {Partial<Saved>} changes */
  #save(changes) {
    this.#saved = { ...this.#saved, ...changes };
    this.#folder.write('run.json', this.#saved);
  }
}
