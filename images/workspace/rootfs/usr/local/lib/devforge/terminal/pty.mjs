import { existsSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ReadStream } from 'node:tty';

/**
 * @typedef {(
 *   file: string, args: string[], env: string[], cwd: string, cols: number, rows: number, uid: number, gid: number,
 *   isUtf8: boolean, helper: string, onExit: (code: number, signal: number) => void,
 * ) => { fd: number, pid: number, pty: string }} Fork
 */

/**
 * The native module of node-pty without its streams: those end the output 200 ms after the process, whether it has been
 * read or not, and retry in a busy loop while a program does not read its input.
 * @type {{ fork: Fork, resize(fd: number, cols: number, rows: number): void }}
 */
const native = createRequire(import.meta.url)('node-pty/build/Release/pty.node');

/** Images that DevForge's programs were laid over may have none of their own. */
const OWN_BASH = '/opt/devforge/bin/bash';
const BASH = existsSync(OWN_BASH) ? OWN_BASH : '/bin/bash';
const NO_UID = -1;
const IS_UTF8 = true;
const MACOS_HELPER = '';
/** The native module lets a process inherit the terminals of earlier ones, which would keep these open: close them. */
const CLOSE_INHERITED_FDS =
  'for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done; exec "$0" "$@"';
/** How soon input is written again that the program had no room for. */
const RETRY_MS = 10;
/** Background processes may keep the terminal of an ended process open: their output is read until they have been silent for… */
const SILENCE_MS = 100;
/** …and for this long at most. */
const MAX_DRAIN_MS = 2_000;

/** @typedef {{ bytes: Buffer, onWritten: () => void }} Input */

/** A process with a terminal of its own. */
export class Pty {
  /** Undefined once the terminal has been closed. @type {number | undefined} */
  #fd;
  #output;
  /** @type {Input[]} */
  #input = [];
  /** @type {NodeJS.Timeout | undefined} */
  #retry;
  /** @type {number | undefined} */
  #exitCode;
  #lastOutputAt = 0;
  #isPaused = false;
  #onEnd;

  /**
   * @param {{ file: string, args: string[], env: NodeJS.ProcessEnv, cwd: string, cols: number, rows: number }} process
   * @param {{ onData: (text: string) => void, onEnd: (exitCode: number) => void }} listeners `onEnd` follows the last output
   */
  constructor({ file, args, env, cwd, cols, rows }, { onData, onEnd }) {
    const { fd, pid } = native.fork(
      BASH,
      ['--noprofile', '--norc', '-c', CLOSE_INHERITED_FDS, file, ...args],
      Object.entries(env).map(([name, value]) => `${name}=${value}`),
      cwd,
      cols,
      rows,
      NO_UID,
      NO_UID,
      IS_UTF8,
      MACOS_HELPER,
      (code, signal) => this.#onExit(signal > 0 ? 128 + signal : code),
    );
    this.pid = pid;
    this.#fd = fd;
    this.#onEnd = onEnd;
    // The decoder keeps the bytes of incomplete characters.
    this.#output = new ReadStream(fd).setEncoding('utf8');
    this.#output.on('data', (text) => {
      this.#lastOutputAt = performance.now();
      onData(String(text));
    });
    // Reading fails with EIO when the last process has closed the terminal.
    this.#output.on('error', () => undefined);
    this.#output.on('close', () => this.#onClose());
  }

  /** @param {Buffer} bytes @param {() => void} onWritten called when the program has all of it, or never will */
  write(bytes, onWritten = () => undefined) {
    this.#input.push({ bytes, onWritten });
    if (this.#input.length === 1) this.#flush();
  }

  pause() {
    this.#isPaused = true;
    this.#output.pause();
  }

  resume() {
    this.#isPaused = false;
    this.#lastOutputAt = performance.now();
    this.#output.resume();
  }

  /** @param {number} cols @param {number} rows */
  resize(cols, rows) {
    if (this.#fd !== undefined) native.resize(this.#fd, cols, rows);
  }

  #flush() {
    for (let next = this.#input[0]; next !== undefined; next = this.#input[0]) {
      if (!this.#writeOnce(next)) return;
      this.#input.shift();
      next.onWritten();
    }
  }

  /** @param {Input} next @returns whether all of it was written */
  #writeOnce(next) {
    try {
      while (next.bytes.length > 0 && this.#fd !== undefined)
        next.bytes = next.bytes.subarray(writeSync(this.#fd, next.bytes));
      return true;
    } catch (error) {
      // Other errors mean that the terminal has been closed, so that nobody will read the input.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return true;
      this.#retry = setTimeout(() => this.#flush(), RETRY_MS);
      return false;
    }
  }

  /** @param {number} exitCode */
  #onExit(exitCode) {
    this.#exitCode = exitCode;
    if (this.#fd === undefined) return this.#onEnd(exitCode);
    const exitedAt = performance.now();
    this.#lastOutputAt = exitedAt;
    const check = setInterval(() => {
      const now = performance.now();
      if (this.#fd === undefined) return clearInterval(check);
      if (this.#isPaused) return;
      if (now - this.#lastOutputAt > SILENCE_MS || now - exitedAt > MAX_DRAIN_MS) this.#output.destroy();
    }, SILENCE_MS / 2);
  }

  #onClose() {
    clearTimeout(this.#retry);
    this.#fd = undefined;
    for (const { onWritten } of this.#input.splice(0)) onWritten();
    if (this.#exitCode !== undefined) this.#onEnd(this.#exitCode);
  }
}
