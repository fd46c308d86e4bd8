import { Socket } from 'node:net';
import { EventReader } from './event-reader.mjs';

/** How long the end of a run waits for a caller that reads slowly, or not at all any more. */
const PATIENCE_MS = 5_000;

/**
 * The caller of a `start` that follows at once: it is told by the runner itself, which saves it the start of a second
 * process. When it goes away, the run goes on.
 */
export class Audience {
  #told = Promise.resolve();
  #pending = false;

  /** @param {number} offset bytes of the events that it has already */
  constructor(folder, offset) {
    this.folder = folder;
    this.reader = new EventReader(folder.events, offset);
    this.socket = new Socket({ fd: 1, readable: false, writable: true });
    this.socket.on('error', () => this.socket.destroy());
  }

  /** There are new events. */
  announce() {
    if (this.#pending) return;
    this.#pending = true;
    this.#then(() => {
      this.#pending = false;
      return this.reader.copyTo(this);
    });
  }

  /** The last word. Resolves when the caller has it or cannot be waited for. */
  async end() {
    this.announce();
    this.#then(() => this.write(`O ${JSON.stringify(this.folder.read('outcome.json'))}\n`));
    await Promise.race([this.#told, new Promise((done) => setTimeout(done, PATIENCE_MS))]);
  }

  /** Resolves when there is room for more, or nobody. */
  write(text) {
    return new Promise((resolve) => (this.socket.destroyed ? resolve() : this.socket.write(text, () => resolve())));
  }

  #then(work) {
    this.#told = this.#told.then(work);
  }
}
