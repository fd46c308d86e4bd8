import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BodyRoom } from './body-room.mjs';
import { Budgets, periodOf } from './budgets.mjs';
import { Journal } from './journal.mjs';

/**
 * @typedef {import('./budgets.mjs').Budget} Budget
 * @typedef {import('./journal.mjs').Charge} Charge
 * @typedef {import('./pricing.mjs').Prices} Prices
 * @typedef {{
 *   project: string, prices: Prices, budgets: Budget[], marks: Record<string, { journal: string, seq: number }>
 * }} SpendingRules what the sums of the budgets include is marked for each workspace
 */

const FILE = /^(.+)\.spend$/;

/** What all workspaces spend. Journals outlive their workspaces until DevForge has stored everything. */
export class Spending {
  budgets = new Budgets();
  bodies = new BodyRoom();
  /** @type {Map<string, WorkspaceSpending>} */
  #all = new Map();
  #folder;

  /**
   * @param {string} state
   * @param {(id: string) => void} onEntry
   */
  constructor(state, onEntry) {
    this.onEntry = onEntry;
    this.#folder = join(state, 'spend');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(this.#folder)) {
      const [, id] = FILE.exec(file) ?? [];
      if (id !== undefined) this.of(id);
    }
  }

  /** @param {string} id */
  of(id) {
    let spending = this.#all.get(id);
    if (spending === undefined) {
      const journal = new Journal(join(this.#folder, `${id}.spend`), () => this.onEntry(id));
      spending = new WorkspaceSpending(id, journal, this);
      this.#all.set(id, spending);
    }
    return spending;
  }

  /** Ids of workspaces with entries that are not stored yet, removed ones included. */
  unstored() {
    return [...this.#all].flatMap(([id, { journal }]) => (journal.after(null, 0, 1).length > 0 ? [id] : []));
  }

  /**
   * @param {string} id
   * @param {{ journal: string | null, stored: number, limit: number }} request
   */
  entries(id, { journal, stored, limit }) {
    const spending = this.#all.get(id);
    if (spending === undefined) return { journal: '', entries: [] };
    const entries = spending.journal.after(journal, stored, limit);
    if (spending.isRemoved && spending.journal.isEmpty) this.#forget(spending);
    return { journal: spending.journal.id, entries };
  }

  /** @param {string} id */
  remove(id) {
    const spending = this.#all.get(id);
    if (spending === undefined) return;
    spending.isRemoved = true;
    spending.setRules(undefined);
    if (spending.journal.isEmpty) this.#forget(spending);
  }

  /**
   * What a budget has to count beyond what DevForge had added up.
   * @param {Budget} budget
   * @param {SpendingRules['marks']} marks
   */
  unaccounted({ kind, key, period }, marks) {
    let sum = 0;
    for (const [id, { journal }] of this.#all)
      for (const entry of journal.since(marks[id]))
        if (keysOf(id, entry).includes(key) && periodOf(kind, entry.at) === period) sum += entry.nanos;
    return sum;
  }

  /** @param {WorkspaceSpending} spending */
  #forget({ id, journal }) {
    this.#all.delete(id);
    journal.remove();
  }
}

/** What one workspace spends. */
export class WorkspaceSpending {
  isRemoved = false;
  /** @type {SpendingRules | undefined} */
  rules;
  /** Instructions and budgets of which a refusal is in the journal. @type {Set<string>} */
  #refused = new Set();

  /**
   * @param {string} id
   * @param {Journal} journal
   * @param {Spending} all
   */
  constructor(id, journal, all) {
    this.id = id;
    this.journal = journal;
    this.all = all;
  }

  /** @param {SpendingRules | undefined} rules */
  setRules(rules) {
    const keys = new Set(rules?.budgets.map(({ key }) => key));
    // Those of a project hold for its other workspaces, whose rules come as well.
    for (const { key, kind } of this.rules?.budgets ?? [])
      if (!keys.has(key) && (rules !== undefined || !kind.startsWith('project'))) this.all.budgets.remove(key);
    this.rules = rules;
    for (const budget of rules?.budgets ?? [])
      this.all.budgets.set({ ...budget, spent: budget.spent + this.all.unaccounted(budget, rules?.marks ?? {}) });
    this.#refused.clear();
  }

  /** @param {string | null} instruction */
  keys(instruction) {
    return keysOf(this.id, { instruction, project: this.rules?.project ?? null });
  }

  /** Whether an answer may be refused, so that its highest cost is to be known. */
  get hasBudgets() {
    return (this.rules?.budgets.length ?? 0) > 0;
  }

  /**
   * Notes that an answer was refused, once.
   * @param {string | null} instruction
   * @param {import('./journal.mjs').BudgetKind} kind
   */
  refuse(instruction, kind) {
    const key = `${instruction} ${kind}`;
    if (instruction === null || this.#refused.has(key)) return;
    this.#refused.add(key);
    this.journal.add({ ...this.charge(instruction), refused: kind });
  }

  /**
   * @param {string | null} instruction
   * @returns {Charge}
   */
  charge(instruction) {
    const at = new Date().toISOString();
    return { at, project: this.rules?.project ?? null, instruction, parts: [], nanos: 0, isEstimated: false };
  }
}

/**
 * @param {string} id
 * @param {{ instruction: string | null, project: string | null }} of
 */
function keysOf(id, { instruction, project }) {
  return [
    `container:${id}`,
    ...(instruction === null ? [] : [`instruction:${instruction}`]),
    ...(project === null ? [] : [`project_day:${project}`, `project_month:${project}`]),
  ];
}
