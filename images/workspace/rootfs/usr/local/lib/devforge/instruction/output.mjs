import { write } from 'node:fs';

/** A descriptor that is written to without blocking the process, and whose reader may go away at any time. */
export class Output {
  constructor(descriptor) {
    this.descriptor = descriptor;
  }

  /** Resolves when the reader has room for more. Ends the process when there is no reader. */
  async write(text) {
    for (let from = 0; from < text.length;) from += await this.#some(text, from);
  }

  #some(text, from) {
    return new Promise((resolve) => {
      write(this.descriptor, text, from, text.length - from, null, (error, written) =>
        error ? process.exit() : resolve(written),
      );
    });
  }
}
