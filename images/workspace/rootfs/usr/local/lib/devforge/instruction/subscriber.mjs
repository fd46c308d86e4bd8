import { Socket } from 'node:net';
import { EventReader } from './event-reader.mjs';

/** How long the end of a run waits for a caller that reads slowly or no longer. */
const TIMEOUT_MS = 5_000;

/**
 * The caller of `start ID follow`. The runner itself sends it the events, which saves the start of a second process. When
 * the caller disconnects, the run goes on.
 */
export class Subscriber {
  #folder;
  #reader;
  #socket = new Socket({ fd: 1, readable: false, writable: true });
  /** Settles when everything so far has been written. */
  #written = Promise.resolve();
  #isPending = false;

  /**
   * @param {import('./folder.mjs').Folder} folder
   * @param {number} offset bytes of the events that the caller has already
   */
  constructor(folder, offset) {
    this.#folder = folder;
    this.#reader = new EventReader(folder.events, offset);
    this.#socket.on('error', () => this.#socket.destroy());
  }

  /** Sends the events that have been appended since the last call. */
  notify() {
    if (this.#isPending) return;
    this.#isPending = true;
    this.#enqueue(() => {
      this.#isPending = false;
      return this.#reader.copyTo(this);
    });
  }

  /** Sends the outcome. Resolves when the caller has it, or when it takes too long. */
  async end() {
    this.notify();
    this.#enqueue(() => this.write(`O ${JSON.stringify(this.#folder.read('outcome.json'))}\n`));
    await Promise.race([this.#written, new Promise((done) => setTimeout(done, TIMEOUT_MS))]);
  }

  /**
   * Resolves when the caller can take more, or has disconnected.
   * @param {Buffer | string} text
   * @returns {Promise<void>}
   */
  write(text) {
    return new Promise((resolve) => (this.#socket.destroyed ? resolve() : this.#socket.write(text, () => resolve())));
  }

  /** @param {() => Promise<void>} work */
  #enqueue(work) {
    this.#written = this.#written.then(work);
  }
}
