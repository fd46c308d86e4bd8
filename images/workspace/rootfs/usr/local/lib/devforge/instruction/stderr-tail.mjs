import { writeFileSync } from 'node:fs';

const MAX_BYTES = 64 * 1024;
const MAX_LINE_LENGTH = 500;

/** Keeps the last 64 KiB of the CLI's standard error. */
export class StderrTail {
  #bytes = Buffer.alloc(0);
  #file;

  /** @param {string} file to save it to */
  constructor(file) {
    this.#file = file;
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-MAX_BYTES);
  }

  save() {
    writeFileSync(this.#file, this.#bytes, { mode: 0o600 });
  }

  /** Up to 500 characters of it. */
  lastLine() {
    const lines = this.#bytes.toString('utf8').trim().split('\n');
    return (lines.at(-1) ?? '').slice(0, MAX_LINE_LENGTH);
  }
}
