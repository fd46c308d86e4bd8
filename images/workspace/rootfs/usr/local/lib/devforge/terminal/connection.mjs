import { CONTROL, control, DATA, frame, FrameReader, screenFrame } from './frames.mjs';

const LONGEST_OUTPUT = 32 * 1024;
/** How much input was taken is told in steps of this many bytes. */
const TAKEN_STEP = 64 * 1024;
/** A DevForge that reads nothing for this long, frozen for one, holds the program up no longer. */
const PATIENCE_MS = 30_000;

/** One DevForge at the other end of a socket, with one request: the list, the end of a terminal, or to watch one. */
export class Connection {
  isFull = false;
  #socket;
  #terminals;
  #reader = new FrameReader();
  #terminal;
  #taken = 0;
  #patience;

  /** @param {import('node:net').Socket} socket @param {import('./terminals.mjs').Terminals} terminals */
  static serve(socket, terminals) {
    return new Connection(socket, terminals);
  }

  constructor(socket, terminals) {
    this.#socket = socket;
    this.#terminals = terminals;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#left());
    // Whoever closes its side has gone.
    socket.on('end', () => socket.destroy());
  }

  output(text) {
    for (let at = 0; at < text.length;) {
      const end = cut(text, at + LONGEST_OUTPUT);
      this.#send(frame(DATA, text.slice(at, end)));
      at = end;
    }
  }

  resized(size) {
    this.#send(control({ event: 'resized', ...size }));
  }

  exited(exitCode) {
    this.#send(control({ event: 'exit', exitCode }));
    this.#socket.destroySoon();
  }

  #read(chunk) {
    try {
      for (const { kind, body } of this.#reader.push(chunk)) {
        if (kind === CONTROL) this.#obey(JSON.parse(body.toString()));
        else if (kind === DATA) this.#terminal?.input(body, () => this.#wasTaken(body.length));
      }
    } catch (error) {
      console.error(error);
      this.#socket.destroy();
    }
  }

  #obey({ op, id, cols, rows }) {
    switch (op) {
      case 'list':
        return this.#answer({ terminals: this.#terminals.list() });
      case 'open':
        return this.#watch(this.#terminals.open(id, { cols, rows }));
      case 'attach':
        return this.#watch(this.#terminals.find(id));
      case 'end':
        if (id === undefined) return this.#terminal?.end();
        return this.#watch(this.#terminals.find(id), ({ terminal }) => terminal.end());
      case 'resize':
        return this.#terminal?.resize({ cols, rows });
      case 'screen':
        return this.#terminal?.draw((drawing, size) => this.#send(screenFrame(size, drawing)));
    }
  }

  #watch({ terminal, error }, and = () => undefined) {
    if (terminal === undefined) return this.#answer({ error });
    this.#send(control({ ok: true, ...terminal.size }));
    this.#terminal = terminal;
    terminal.watch(this);
    and({ terminal });
  }

  #answer(message) {
    this.#send(control(message));
    this.#socket.destroySoon();
  }

  #send(bytes) {
    if (this.#socket.writableEnded || this.#socket.destroyed || this.#socket.write(bytes) || this.isFull) return;
    this.isFull = true;
    this.#patience = setTimeout(() => this.#socket.destroy(), PATIENCE_MS);
  }

  #drained() {
    clearTimeout(this.#patience);
    this.isFull = false;
    this.#terminal?.pace();
  }

  #wasTaken(bytes) {
    this.#taken += bytes;
    if (this.#taken < TAKEN_STEP) return;
    this.#send(control({ event: 'taken', bytes: this.#taken }));
    this.#taken = 0;
  }

  #left() {
    clearTimeout(this.#patience);
    this.#terminal?.unwatch(this);
    this.#terminal = undefined;
  }
}

/** Where to cut so that no character is: both halves of a pair stay together. */
function cut(text, end) {
  if (end >= text.length) return text.length;
  const code = text.charCodeAt(end - 1);
  return code >= 0xd800 && code <= 0xdbff ? end - 1 : end;
}
