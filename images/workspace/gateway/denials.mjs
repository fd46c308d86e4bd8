import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const KEPT = 500;
const REPEAT_MS = 60_000;
/** Different destinations that one workspace may have recorded in a minute; what is above is refused all the same. */
const MAX_PER_MINUTE = 120;

/**
 * @typedef {{ seq: number, at: string, host: string, port: number, reason: import('./policy.mjs').Reason, attempts: number }} Denial
 */

/** The refused connections of a workspace, the latest of them kept in a file. */
export class Denials {
  /** @type {Denial[]} */
  #kept = [];
  #lines = 0;
  #last = 0;
  /** @type {Map<string, { since: number, uncounted: number }>} */
  #recent = new Map();

  /**
   * @param {string} file
   * @param {(denial: Denial) => void} onDenial
   */
  constructor(file, onDenial) {
    this.file = file;
    this.onDenial = onDenial;
    this.#read();
  }

  /**
   * @param {import('./policy.mjs').Reason} reason
   * @param {string} host
   * @param {number} port
   * @param {number} now
   */
  add(reason, host, port, now = Date.now()) {
    const key = `${reason} ${host}:${port}`;
    const repeat = this.#recent.get(key);
    if (repeat !== undefined && now - repeat.since < REPEAT_MS) {
      repeat.uncounted++;
      return;
    }
    for (const [other, { since }] of this.#recent) {
      if (now - since < REPEAT_MS) break;
      this.#recent.delete(other);
    }
    if (this.#recent.size >= MAX_PER_MINUTE) return;
    this.#recent.set(key, { since: now, uncounted: 0 });
    const attempts = 1 + (repeat?.uncounted ?? 0);
    this.#append({ seq: ++this.#last, at: new Date(now).toISOString(), host, port, reason, attempts });
  }

  /** @param {number} seq */
  after(seq) {
    // A receiver knows later ones when the file was lost: what comes next must be new to it.
    this.#last = Math.max(this.#last, seq);
    return this.#kept.filter((denial) => denial.seq > seq);
  }

  /** @param {Denial} denial */
  #append(denial) {
    this.#kept.push(denial);
    if (this.#kept.length > KEPT) this.#kept.shift();
    if (++this.#lines > 2 * KEPT) {
      writeFileSync(`${this.file}.new`, this.#kept.map((each) => `${JSON.stringify(each)}\n`).join(''));
      renameSync(`${this.file}.new`, this.file);
      this.#lines = this.#kept.length;
    } else {
      appendFileSync(this.file, `${JSON.stringify(denial)}\n`);
    }
    this.onDenial(denial);
  }

  #read() {
    for (const line of readIfThere(this.file).split('\n')) {
      try {
        if (line !== '') this.#kept.push(JSON.parse(line));
      } catch {
        // The write of the last line was interrupted.
      }
    }
    this.#lines = this.#kept.length;
    this.#kept = this.#kept.slice(-KEPT);
    this.#last = this.#kept.at(-1)?.seq ?? 0;
  }
}

/**
 * @param {string} file
 * @returns {string} empty when there is none
 */
export function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
