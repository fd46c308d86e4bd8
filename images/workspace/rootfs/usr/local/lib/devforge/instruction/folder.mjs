import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** The files of one instruction on the state volume. */
export class Folder {
  #path;

  /** @param {{ state: string, id: string }} settings */
  constructor({ state, id }) {
    this.id = id;
    this.#path = join(state, id);
    // An abstract address: only one process can have it, and the kernel frees it when that process ends.
    this.address = `\0devforge-instruction-${id}`;
  }

  /** @param {string} name */
  file(name) {
    return join(this.#path, name);
  }

  get events() {
    return this.file('events.ndjson');
  }

  make() {
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
  }

  /** @param {string} name */
  has(name) {
    return existsSync(this.file(name));
  }

  /** The parsed content, or `null` when there is no such file. @param {string} name @returns {any} */
  read(name) {
    try {
      return JSON.parse(readFileSync(this.file(name), 'utf8'));
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** Writes atomically. @param {string} name @param {object} value */
  write(name, value) {
    const draft = this.file(`.${name}.${process.pid}`);
    writeFileSync(draft, `${JSON.stringify(value)}\n`, { mode: 0o600 });
    renameSync(draft, this.file(name));
  }

  /** Makes a file and its directory entry survive a power failure. @param {string} name */
  flush(name) {
    for (const path of [this.file(name), this.#path]) {
      const descriptor = openSync(path, 'r');
      fsyncSync(descriptor);
      closeSync(descriptor);
    }
  }

  /** @param {string[]} names */
  remove(...names) {
    for (const name of names) rmSync(this.file(name), { recursive: true, force: true });
  }

  removeAll() {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

/** Whether a file system call failed because there is no such file. @param {unknown} error */
export function isMissing(error) {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
