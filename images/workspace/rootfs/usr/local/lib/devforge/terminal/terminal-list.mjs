import { Terminal } from './terminal.mjs';

const MAX_TERMINALS = 20;

/** @typedef {{ terminal: Terminal, error?: undefined } | { terminal?: undefined, error: string }} TerminalOrError */

/** The terminals of this container. */
export class TerminalList {
  /** @type {Map<string, Terminal>} */
  #terminals = new Map();
  #onEmpty;

  /** @param {() => void} onEmpty called when the last terminal has ended */
  constructor(onEmpty) {
    this.#onEmpty = onEmpty;
  }

  get isEmpty() {
    return this.#terminals.size === 0;
  }

  describe() {
    return [...this.#terminals.values()].map(({ description }) => description);
  }

  /** @param {string} id @returns {TerminalOrError} */
  find(id) {
    const terminal = this.#terminals.get(id);
    return terminal === undefined ? { error: 'terminal_not_found' } : { terminal };
  }

  /** @param {string} id @param {import('./terminal.mjs').Size} size @returns {TerminalOrError} */
  open(id, size) {
    if (this.#terminals.has(id)) return this.find(id);
    if (this.#terminals.size >= MAX_TERMINALS) return { error: 'too_many_terminals' };
    try {
      const terminal = new Terminal(id, size, () => this.#remove(id));
      this.#terminals.set(id, terminal);
      return { terminal };
    } catch (error) {
      // The container has reached its limit of processes or memory.
      console.error(error);
      if (this.isEmpty) this.#onEmpty();
      return { error: 'terminal_unavailable' };
    }
  }

  end() {
    for (const terminal of this.#terminals.values()) terminal.end();
  }

  /** @param {string} id */
  #remove(id) {
    this.#terminals.delete(id);
    if (this.isEmpty) this.#onEmpty();
  }
}
