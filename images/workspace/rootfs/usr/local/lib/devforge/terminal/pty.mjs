import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ReadStream } from 'node:tty';

/**
 * The addon of node-pty without its streams: those end the output 200 ms after the process, read or not, and
 * spin for as long as a program does not take its input.
 */
const native = createRequire(import.meta.url)('node-pty/build/Release/pty.node');

const NO_UID = -1;
const IS_UTF8 = true;
const HELPER_OF_MACOS = '';
/** The addon lets its processes inherit the terminals of those before them, which would then outlive their holder. */
const ALONE = 'for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done; exec "$0" "$@"';
const alone = (file, args) => ['/bin/bash', ['--noprofile', '--norc', '-c', ALONE, file, ...args]];
/** How soon a program is offered input again that it had no room for. */
const RETRY_MS = 10;
/** A process that ended may leave others behind that hold its terminal: how long these must be silent, and how long they are heard. */
const SILENCE_MS = 100;
const LONGEST_ECHO_MS = 2_000;

/** A process with a terminal of its own. */
export class Pty {
  #fd;
  #name;
  #output;
  /** @type {{ bytes: Buffer, written: () => void }[]} */
  #input = [];
  #retry;
  #exitCode;
  #heardAt = 0;
  #isPaused = false;
  #onEnd;

  /**
   * @param {{ file: string, args: string[], env: Record<string, string>, cwd: string, cols: number, rows: number }} process
   * @param {{ onData: (text: string) => void, onEnd: (exitCode: number) => void }} listeners onEnd comes after the last of the output
   */
  constructor({ file, args, env, cwd, cols, rows }, { onData, onEnd }) {
    const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const exited = (code, signal) => this.#exited(signal > 0 ? 128 + signal : code);
    const { fd, pid, pty } = native.fork(
      ...alone(file, args),
      pairs,
      cwd,
      cols,
      rows,
      NO_UID,
      NO_UID,
      IS_UTF8,
      HELPER_OF_MACOS,
      exited,
    );
    this.pid = pid;
    this.#fd = fd;
    this.#name = pty;
    this.#onEnd = onEnd;
    // No character is cut: its bytes wait for one another here.
    this.#output = new ReadStream(fd).setEncoding('utf8');
    this.#output.on('data', (text) => {
      this.#heardAt = performance.now();
      onData(text);
    });
    // EIO, once nobody holds the other side.
    this.#output.on('error', () => undefined);
    this.#output.on('close', () => this.#closed());
  }

  /** Name of what runs in the foreground. */
  get process() {
    return this.#fd === undefined ? undefined : native.process(this.#fd, this.#name);
  }

  /** @param {Buffer} bytes @param {() => void} written called once the program has them all, or never will */
  write(bytes, written = () => undefined) {
    this.#input.push({ bytes, written });
    if (this.#input.length === 1) this.#flush();
  }

  pause() {
    this.#isPaused = true;
    this.#output.pause();
  }

  resume() {
    this.#isPaused = false;
    this.#heardAt = performance.now();
    this.#output.resume();
  }

  resize(cols, rows) {
    if (this.#fd !== undefined) native.resize(this.#fd, cols, rows);
  }

  #flush() {
    while (this.#input.length > 0) {
      const [next] = this.#input;
      if (!this.#give(next)) return;
      this.#input.shift();
      next.written();
    }
  }

  /** @returns whether all of it was taken */
  #give(next) {
    try {
      while (next.bytes.length > 0 && this.#fd !== undefined)
        next.bytes = next.bytes.subarray(writeSync(this.#fd, next.bytes));
      return true;
    } catch (error) {
      // With the other side closed there is nobody to take it.
      if (error.code !== 'EAGAIN') return true;
      this.#retry = setTimeout(() => this.#flush(), RETRY_MS);
      return false;
    }
  }

  #exited(exitCode) {
    this.#exitCode = exitCode;
    if (this.#fd === undefined) return this.#onEnd(exitCode);
    const exitedAt = performance.now();
    this.#heardAt = exitedAt;
    const check = setInterval(() => {
      const now = performance.now();
      if (this.#fd === undefined) return clearInterval(check);
      if (this.#isPaused) return;
      if (now - this.#heardAt > SILENCE_MS || now - exitedAt > LONGEST_ECHO_MS) this.#output.destroy();
    }, SILENCE_MS / 2);
  }

  #closed() {
    clearTimeout(this.#retry);
    this.#fd = undefined;
    for (const { written } of this.#input.splice(0)) written();
    if (this.#exitCode !== undefined) this.#onEnd(this.#exitCode);
  }
}
