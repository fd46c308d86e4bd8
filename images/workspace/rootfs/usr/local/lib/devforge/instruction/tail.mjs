import { writeFileSync } from 'node:fs';

const KEPT = 64 * 1024;

/** The last 64 KiB of a stream, kept in a file. */
export class Tail {
  #text = Buffer.alloc(0);

  constructor(file) {
    this.file = file;
  }

  push(chunk) {
    this.#text = Buffer.concat([this.#text, chunk]).subarray(-KEPT);
  }

  save() {
    writeFileSync(this.file, this.#text, { mode: 0o600 });
  }

  lastLine() {
    return this.#text.toString('utf8').trim().split('\n').at(-1).slice(0, 500);
  }
}
