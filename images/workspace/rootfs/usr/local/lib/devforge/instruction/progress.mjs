import { statSync } from 'node:fs';

/** run.json: what the next runner must know when this one is cut off. */
export class Progress {
  #kept;
  #spentMs;
  #begunAt = null;

  constructor(folder) {
    this.folder = folder;
    this.#kept = folder.read('run.json') ?? {
      startedAt: null,
      attempts: 0,
      spentMs: 0,
      attemptAt: 0,
      offset: 0,
      stopped: null,
    };
    // A runner that was cut off lived until its last event, as far as one can tell.
    const lastEvent = this.attempts > 0 ? (statSync(folder.events, { throwIfNoEntry: false })?.mtimeMs ?? 0) : 0;
    this.#spentMs = this.#kept.spentMs + Math.max(0, lastEvent - this.#kept.attemptAt);
  }

  get startedAt() {
    return this.#kept.startedAt;
  }

  get attempts() {
    return this.#kept.attempts;
  }

  /** Where in the events the latest attempt begins, in bytes. */
  get offset() {
    return this.#kept.offset;
  }

  /** Why the latest attempt was being stopped. */
  get stopped() {
    return this.#kept.stopped;
  }

  /** The repository before the run: a tree, `null` when there is none, `undefined` when nobody has looked yet. */
  get treeBefore() {
    return this.#kept.treeBefore;
  }

  /** Only time in which a runner lived counts. */
  get spentMs() {
    return this.#spentMs + (this.#begunAt === null ? 0 : Date.now() - this.#begunAt);
  }

  beginAttempt(offset, now = Date.now()) {
    const { startedAt, attempts } = this.#kept;
    this.#spentMs = this.spentMs;
    this.#begunAt = now;
    this.#save({
      startedAt: startedAt ?? new Date(now).toISOString(),
      spentMs: this.#spentMs,
      attempts: attempts + 1,
      attemptAt: now,
      offset,
      stopped: null,
    });
  }

  stop(stopped) {
    this.#save({ stopped });
  }

  snapshot(treeBefore) {
    this.#save({ treeBefore });
  }

  #save(news) {
    this.#kept = { ...this.#kept, ...news };
    this.folder.write('run.json', this.#kept);
  }
}
