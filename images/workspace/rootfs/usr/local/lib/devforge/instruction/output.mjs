import { write } from 'node:fs';

/** Writes to a descriptor without blocking the process. Its reader may disconnect at any time. */
export class Output {
  #descriptor;

  /** @param {number} descriptor */
  constructor(descriptor) {
    this.#descriptor = descriptor;
  }

  /** Resolves when everything has been written. Ends the process when the reader has disconnected. @param {Buffer} text */
  async write(text) {
    for (let from = 0; from < text.length;) from += await this.#writeSome(text, from);
  }

  /** @param {Buffer} text @param {number} from @returns {Promise<number>} */
  #writeSome(text, from) {
    return new Promise((resolve) => {
      write(this.#descriptor, text, from, text.length - from, null, (error, written) =>
        error ? process.exit() : resolve(written),
      );
    });
  }
}
