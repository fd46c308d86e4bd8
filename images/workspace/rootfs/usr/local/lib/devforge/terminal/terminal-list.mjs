import { log } from '../log.mjs';
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
      const terminal = new Terminal(id, size, (exitCode) => this.#remove(id, exitCode));
      this.#terminals.set(id, terminal);
      log('terminal', `${shortId(id)} opened, ${size.cols} by ${size.rows}`);
      return { terminal };
    } catch (error) {
      // The container has reached its limit of processes or memory.
      console.error(error);
      log(
        'terminal',
        `${shortId(id)} could not be opened: ${error instanceof Error ? error.message : error}`,
        'stderr',
      );
      if (this.isEmpty) this.#onEmpty();
      return { error: 'terminal_unavailable' };
    }
  }

  end() {
    for (const terminal of this.#terminals.values()) terminal.end();
  }

  /** @param {string} id @param {number} exitCode */
  #remove(id, exitCode) {
    this.#terminals.delete(id);
    log('terminal', `${shortId(id)} closed with exit code ${exitCode}`);
    if (this.isEmpty) this.#onEmpty();
  }
}

/** Enough of an id to tell the terminals of a container apart. @param {string} id */
function shortId(id) {
  return String(id).slice(0, 8);
}
