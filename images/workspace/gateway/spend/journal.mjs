import { randomUUID } from 'node:crypto';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readIfThere } from '../denials.mjs';

const MAX_LINES = 500;
/** How long an entry is remembered that DevForge has stored: sums that it is about to send may lack it. */
const REMEMBERED_MS = 60_000;

/**
 * @typedef {import('./usage.mjs').Usage & { nanos: number, isPriced: boolean }} Part
 * @typedef {'instruction' | 'container' | 'project_day' | 'project_month'} BudgetKind
 * @typedef {{
 *   at: string, project: string | null, instruction: string | null, parts: Part[], nanos: number, isEstimated: boolean,
 *   refused?: BudgetKind
 * }} Charge an answer, or one that was refused
 * @typedef {Charge & { seq: number }} Entry
 */

/**
 * What a workspace has spent and DevForge has not stored yet, in a file: numbered entries, each written before the end of its
 * answer is passed on, and kept until it is acknowledged.
 */
export class Journal {
  /** Differs after a loss of the file, so that numbers are not taken for known ones. @type {string} */
  id = randomUUID();
  /** @type {Entry[]} */
  #pending = [];
  /** @type {{ entry: Entry, until: number }[]} */
  #stored = [];
  /** Answers that have begun: what is known of them. @type {Map<number, Charge>} */
  #open = new Map();
  #last = 0;
  #lastOpen = 0;
  #lines = 0;

  /**
   * @param {string} file
   * @param {() => void} onEntry
   */
  constructor(file, onEntry) {
    this.file = file;
    this.onEntry = onEntry;
    this.#read();
  }

  get isEmpty() {
    return this.#pending.length === 0 && this.#open.size === 0;
  }

  /**
   * Notes what is known of an answer that has begun: after a crash, that is what it cost.
   * @param {Charge} charge
   * @returns {number}
   */
  begin(charge) {
    const open = ++this.#lastOpen;
    this.#open.set(open, charge);
    this.#append({ open, charge });
    return open;
  }

  /**
   * @param {Charge} charge
   * @param {number} [open] what {@link begin} returned
   */
  add(charge, open) {
    const entry = { ...charge, seq: ++this.#last };
    if (open !== undefined) this.#open.delete(open);
    this.#pending.push(entry);
    this.#append({ entry, ...(open === undefined ? {} : { open }) });
    this.onEntry();
  }

  /**
   * @param {string | null} journal whose numbers the receiver knows
   * @param {number} seq up to which it has stored them
   * @param {number} limit
   * @returns {Entry[]} those after it
   */
  after(journal, seq, limit) {
    if (journal === this.id) this.#acknowledge(seq);
    return this.#pending.slice(0, limit);
  }

  /**
   * Entries that may be missing in what the receiver has added up.
   * @param {{ journal: string, seq: number } | undefined} mark what that includes
   */
  since(mark) {
    const now = Date.now();
    this.#stored = this.#stored.filter(({ until }) => until > now);
    const all = [...this.#stored.map(({ entry }) => entry), ...this.#pending];
    return mark?.journal === this.id ? all.filter(({ seq }) => seq > mark.seq) : all;
  }

  remove() {
    rmSync(this.file, { force: true });
  }

  /** @param {number} seq */
  #acknowledge(seq) {
    // The receiver knows later numbers when the file is an older copy.
    this.#last = Math.max(this.#last, seq);
    const until = Date.now() + REMEMBERED_MS;
    const stored = this.#pending.filter((entry) => entry.seq <= seq);
    if (stored.length === 0) return;
    this.#stored.push(...stored.map((entry) => ({ entry, until })));
    this.#pending = this.#pending.filter((entry) => entry.seq > seq);
    this.#append({ stored: seq });
  }

  /** @param {object} line */
  #append(line) {
    if (this.#lines === 0 || ++this.#lines > MAX_LINES) return this.#rewrite();
    appendFileSync(this.file, `${JSON.stringify(line)}\n`);
  }

  #rewrite() {
    const lines = [
      { journal: this.id, last: this.#last },
      ...[...this.#open].map(([open, charge]) => ({ open, charge })),
      ...this.#pending.map((entry) => ({ entry })),
    ];
    writeFileSync(`${this.file}.new`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600 });
    renameSync(`${this.file}.new`, this.file);
    this.#lines = lines.length;
  }

  #read() {
    const content = readIfThere(this.file);
    for (const text of content.split('\n')) {
      try {
        if (text !== '') this.#apply(JSON.parse(text));
      } catch {
        // The write of the last line was interrupted.
      }
    }
    const interrupted = [...this.#open.values()];
    this.#open.clear();
    for (const charge of interrupted) this.#pending.push({ ...charge, isEstimated: true, seq: ++this.#last });
    if (content !== '') this.#rewrite();
  }

  /** @param {{ journal?: string, last?: number, open?: number, charge?: Charge, entry?: Entry, stored?: number }} line */
  #apply({ journal, last, open, charge, entry, stored }) {
    if (journal !== undefined) this.id = journal;
    if (open !== undefined) {
      if (charge === undefined) this.#open.delete(open);
      else this.#open.set(open, charge);
    }
    if (entry !== undefined) this.#pending.push(entry);
    if (stored !== undefined) this.#pending = this.#pending.filter(({ seq }) => seq > stored);
    this.#last = Math.max(this.#last, last ?? 0, entry?.seq ?? 0, stored ?? 0);
  }
}
