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
  constructor({ state, id }) {
    this.id = id;
    this.path = join(state, id);
    // An abstract address: the kernel gives it to one process at a time and takes it back with that process.
    this.address = `\0devforge-instruction-${id}`;
  }

  file(name) {
    return join(this.path, name);
  }

  get events() {
    return this.file('events.ndjson');
  }

  make() {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
  }

  has(name) {
    return existsSync(this.file(name));
  }

  read(name) {
    try {
      return JSON.parse(readFileSync(this.file(name), 'utf8'));
    } catch (error) {
      if (error.code === 'ENOENT') return null;
      throw error;
    }
  }

  /** All of it or nothing. */
  write(name, value) {
    const draft = this.file(`.${name}.${process.pid}`);
    writeFileSync(draft, `${JSON.stringify(value)}\n`, { mode: 0o600 });
    renameSync(draft, this.file(name));
  }

  /** Makes a file, and its name, outlast a loss of power. */
  flush(name) {
    for (const path of [this.file(name), this.path]) {
      const descriptor = openSync(path, 'r');
      fsyncSync(descriptor);
      closeSync(descriptor);
    }
  }

  remove(...names) {
    for (const name of names) rmSync(this.file(name), { recursive: true, force: true });
  }

  removeAll() {
    rmSync(this.path, { recursive: true, force: true });
  }
}
