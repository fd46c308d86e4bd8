import { Terminal } from './terminal.mjs';

const MOST_TERMINALS = 20;

/** The terminals of this container. */
export class Terminals {
  /** @type {Map<string, Terminal>} */
  #all = new Map();
  #onEmpty;

  /** @param {() => void} onEmpty called when the last one has ended */
  constructor(onEmpty) {
    this.#onEmpty = onEmpty;
  }

  get isEmpty() {
    return this.#all.size === 0;
  }

  list() {
    return [...this.#all.values()].map(({ description }) => description);
  }

  find(id) {
    const terminal = this.#all.get(id);
    return terminal === undefined ? { error: 'terminal_not_found' } : { terminal };
  }

  open(id, size) {
    if (this.#all.has(id)) return this.find(id);
    if (this.#all.size >= MOST_TERMINALS) return { error: 'too_many_terminals' };
    try {
      const terminal = new Terminal(id, size, () => this.#ended(id));
      this.#all.set(id, terminal);
      return { terminal };
    } catch (error) {
      // No process is left, or no memory.
      console.error(error);
      if (this.isEmpty) this.#onEmpty();
      return { error: 'terminal_unavailable' };
    }
  }

  hangUp() {
    for (const terminal of this.#all.values()) terminal.end();
  }

  #ended(id) {
    this.#all.delete(id);
    if (this.isEmpty) this.#onEmpty();
  }
}
