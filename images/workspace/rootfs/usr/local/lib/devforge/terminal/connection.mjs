import { CONTROL, control, DATA, frame, FrameReader, screenFrame } from './frames.mjs';

const MAX_OUTPUT_LENGTH = 32 * 1024;
/** Written input is acknowledged in steps of this many bytes. */
const ACKNOWLEDGE_BYTES = 64 * 1024;
/** A client that reads nothing for this long is disconnected, so that it no longer pauses the program. */
const TIMEOUT_MS = 30_000;

/** @typedef {import('./terminal.mjs').Size} Size */

/** A connection of DevForge. Its first request lists the terminals, ends one, or opens one to watch it. */
export class Connection {
  isFull = false;
  #socket;
  #terminals;
  #reader = new FrameReader();
  /** @type {import('./terminal.mjs').Terminal | undefined} */
  #terminal;
  #unacknowledged = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #timeout;

  /** @param {import('node:net').Socket} socket @param {import('./terminal-list.mjs').TerminalList} terminals */
  static serve(socket, terminals) {
    return new Connection(socket, terminals);
  }

  /** @param {import('node:net').Socket} socket @param {import('./terminal-list.mjs').TerminalList} terminals */
  constructor(socket, terminals) {
    this.#socket = socket;
    this.#terminals = terminals;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onClose());
    // A client that has closed its side no longer reads.
    socket.on('end', () => socket.destroy());
  }

  /** @param {string} text */
  output(text) {
    for (let at = 0; at < text.length;) {
      const end = cutBefore(text, at + MAX_OUTPUT_LENGTH);
      this.#send(frame(DATA, text.slice(at, end)));
      at = end;
    }
  }

  /** @param {Size} size */
  resized(size) {
    this.#send(control({ event: 'resized', ...size }));
  }

  /** @param {number} exitCode */
  exited(exitCode) {
    this.#send(control({ event: 'exit', exitCode }));
    this.#socket.destroySoon();
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    try {
      for (const { kind, body } of this.#reader.push(chunk)) {
        if (kind === CONTROL) this.#handle(JSON.parse(body.toString()));
        else if (kind === DATA) this.#terminal?.input(body, () => this.#acknowledge(body.length));
      }
    } catch (error) {
      console.error(error);
      this.#socket.destroy();
    }
  }

  /** @param {any} request see `PtyHostRequest` of DevForge's src/terminals */
  #handle({ op, id, cols, rows }) {
    switch (op) {
      case 'list':
        return this.#answer({ terminals: this.#terminals.describe() });
      case 'open':
        return this.#watch(this.#terminals.open(id, { cols, rows }));
      case 'attach':
        return this.#watch(this.#terminals.find(id));
      case 'end':
        if (id !== undefined) this.#watch(this.#terminals.find(id));
        return this.#terminal?.end();
      case 'resize':
        return this.#terminal?.resize({ cols, rows });
      case 'screen':
        return this.#terminal?.draw((drawing, size) => this.#send(screenFrame(size, drawing)));
    }
  }

  /** @param {import('./terminal-list.mjs').TerminalOrError} found */
  #watch({ terminal, error }) {
    if (terminal === undefined) return this.#answer({ error });
    this.#send(control({ ok: true, ...terminal.size }));
    this.#terminal = terminal;
    terminal.watch(this);
  }

  /** @param {object} message the last one */
  #answer(message) {
    this.#send(control(message));
    this.#socket.destroySoon();
  }

  /** @param {Buffer} bytes */
  #send(bytes) {
    if (this.#socket.writableEnded || this.#socket.destroyed || this.#socket.write(bytes) || this.isFull) return;
    this.isFull = true;
    this.#timeout = setTimeout(() => this.#socket.destroy(), TIMEOUT_MS);
  }

  #onDrain() {
    clearTimeout(this.#timeout);
    this.isFull = false;
    this.#terminal?.updatePace();
  }

  /** @param {number} bytes of input that the program has been given */
  #acknowledge(bytes) {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged < ACKNOWLEDGE_BYTES) return;
    this.#send(control({ event: 'taken', bytes: this.#unacknowledged }));
    this.#unacknowledged = 0;
  }

  #onClose() {
    clearTimeout(this.#timeout);
    this.#terminal?.unwatch(this);
    this.#terminal = undefined;
  }
}

/** The given index, or the one before it when that would split a surrogate pair. @param {string} text @param {number} end */
function cutBefore(text, end) {
  if (end >= text.length) return text.length;
  const code = text.charCodeAt(end - 1);
  return code >= 0xd800 && code <= 0xdbff ? end - 1 : end;
}
