/**
 * @typedef {import('./journal.mjs').BudgetKind} BudgetKind
 * @typedef {{ kind: BudgetKind, key: string, limit: number, spent: number, period: string | null }} Budget
 *   of a period, such as a day or a month, or of all time; nano-dollars
 * @typedef {Budget & { reserved: number }} Account
 * @typedef {{ keys: string[], nanos: number }} Reservation
 * @typedef {{ keys: string[], nanos: number, admit: (reservation: Reservation) => void, refuse: (error: Error) => void }} Waiting
 */

/** A budget is used up. */
export class BudgetExceeded extends Error {
  /** @param {Budget} budget */
  constructor({ kind, limit }) {
    super(kind);
    this.kind = kind;
    this.limit = limit;
  }
}

/**
 * Budgets of all workspaces. The highest cost of an answer is reserved before it is asked for, and what it did cost is settled
 * after. Answers run side by side while the reservations of all of them fit in what is left, then one at a time; so a budget is
 * exceeded by the last answer alone, if at all.
 */
export class Budgets {
  /** @type {Map<string, Account>} */
  #accounts = new Map();
  /** @type {Set<Waiting>} */
  #waiting = new Set();

  /** @param {Budget} budget with everything that was spent so far */
  set(budget) {
    const reserved = this.#accounts.get(budget.key)?.reserved ?? 0;
    this.#accounts.set(budget.key, { ...budget, reserved });
    this.#admitWaiting();
  }

  /** @param {string} key */
  remove(key) {
    this.#accounts.delete(key);
    this.#admitWaiting();
  }

  /**
   * Waits until the answer may be asked for.
   * @param {string[]} keys of its budgets; those without a limit do not count
   * @param {number} nanos its highest cost
   * @param {AbortSignal} signal
   * @returns {Promise<Reservation>}
   * @throws {BudgetExceeded}
   */
  reserve(keys, nanos, signal) {
    return new Promise((accept, reject) => {
      /** @type {Waiting} */
      const waiting = { keys, nanos, admit: accept, refuse: reject };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', () => {
        if (this.#waiting.delete(waiting)) reject(new Error('aborted'));
      });
      this.#admitWaiting();
    });
  }

  /**
   * @param {Reservation} reservation
   * @param {number} nanos what it cost
   */
  settle(reservation, nanos) {
    for (const account of this.#of(reservation.keys)) {
      account.reserved = Math.max(0, account.reserved - reservation.nanos);
      account.spent += nanos;
    }
    this.#admitWaiting();
  }

  /** In the order in which they came; one that is too large at the moment lets smaller ones pass. */
  #admitWaiting() {
    for (const waiting of this.#waiting) {
      const accounts = this.#of(waiting.keys);
      const exceeded = accounts.find(({ spent, limit }) => spent >= limit);
      const fits = accounts.every(
        ({ spent, reserved, limit }) => reserved === 0 || spent + reserved + waiting.nanos <= limit,
      );
      if (exceeded === undefined && !fits) continue;
      this.#waiting.delete(waiting);
      if (exceeded !== undefined) waiting.refuse(new BudgetExceeded(exceeded));
      else {
        for (const account of accounts) account.reserved += waiting.nanos;
        waiting.admit({ keys: waiting.keys, nanos: waiting.nanos });
      }
    }
  }

  /** @param {string[]} keys */
  #of(keys) {
    const accounts = [];
    for (const key of keys) {
      const account = this.#accounts.get(key);
      if (account === undefined) continue;
      const period = periodOf(account.kind, new Date().toISOString());
      if (period !== account.period) Object.assign(account, { period, spent: 0 });
      accounts.push(account);
    }
    return accounts;
  }
}

/**
 * @param {BudgetKind} kind
 * @param {string} at
 * @returns {string | null} the day or the month, in UTC
 */
export function periodOf(kind, at) {
  if (kind === 'project_day') return at.slice(0, 10);
  return kind === 'project_month' ? at.slice(0, 7) : null;
}
