import { killMarked, signal } from './processes.mjs';

/** SIGINT, then SIGTERM, then SIGKILL, each after the one before has been given its time. */
export class StopLadder {
  #timer;

  /** @param {{ pid: number, id: string, seconds: number }} target */
  constructor(target) {
    this.target = target;
  }

  get begun() {
    return this.#timer !== undefined;
  }

  begin(first = 'SIGINT') {
    if (!this.begun) this.#step(first);
  }

  end() {
    clearTimeout(this.#timer);
  }

  #step(name) {
    const { pid, id, seconds } = this.target;
    if (name === 'SIGKILL') {
      signal(-pid, name);
      killMarked(id);
    } else {
      // SIGINT is for the CLI alone: it ends its turn and its tools by itself.
      signal(name === 'SIGINT' ? pid : -pid, name);
    }
    this.#timer = setTimeout(() => this.#step(name === 'SIGINT' ? 'SIGTERM' : 'SIGKILL'), seconds * 1000);
  }
}
