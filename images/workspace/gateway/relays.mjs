import { spawn } from 'node:child_process';

/** What a connection carries before it is passed on: the process is faster with many bytes, and slower to start. */
export const LARGE_BYTES = 512 * 1024;
const PROGRAM = process.env['GATEWAY_RELAY'] ?? '/usr/local/bin/devforge-forward';

/** @typedef {import('node:net').Socket} Socket */

/**
 * A process that copies between two sockets without touching the bytes, several times as fast as this one. It gets
 * connections that have shown to be large.
 */
class Relays {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  /** What to call when one has ended. @type {Map<number, () => void>} */
  #open = new Map();
  #last = 0;
  #isMissing = false;

  /** Whether there is such a process, which is started when it is asked for. */
  get isReady() {
    if (this.#isMissing) return false;
    this.#process ??= this.#start();
    return this.#process.pid !== undefined && this.#process.connected;
  }

  /**
   * Passes a connection on. Neither socket may have anything left to read or to write; both are closed here.
   * @param {Socket} client
   * @param {Socket} server
   * @param {() => void} onEnd
   * @param {number} [bytes] how many go from the server to the client before both are closed; nothing goes the other way then
   * @returns {() => void} ends it
   */
  pass(client, server, onEnd, bytes) {
    const child = (this.#process ??= this.#start());
    const number = ++this.#last;
    this.#open.set(number, onEnd);
    for (const socket of [client, server]) {
      const handle = detach(socket);
      child.send({ relay: number, bytes }, handle, {}, () => handle.close());
    }
    return () => {
      if (child.connected) child.send({ end: number });
    };
  }

  #start() {
    const child = spawn(PROGRAM, ['relay'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const end = () => {
      if (this.#process !== child) return;
      this.#process = undefined;
      const open = [...this.#open.values()];
      this.#open.clear();
      for (const onEnd of open) onEnd();
    };
    child.on('exit', end).on('error', (error) => {
      console.error(error);
      this.#isMissing = child.pid === undefined;
      end();
    });
    child.on('message', (message) => {
      const { ended } = /** @type {{ ended: number }} */ (message);
      this.#open.get(ended)?.();
      this.#open.delete(ended);
    });
    return child;
  }
}

export const relays = new Relays();

/**
 * Takes the connection out of a socket at once: one that waits to be sent would go on reading.
 * @param {Socket} socket
 */
function detach(socket) {
  const internals = /** @type {any} */ (socket);
  const handle = internals._handle;
  handle.readStop();
  handle.onread = () => undefined;
  internals._handle = null;
  socket.destroy();
  return handle;
}

/**
 * A paused socket goes on reading until its buffer is full; only its handle stops at once.
 * @param {Socket} socket
 */
export function stopReading(socket) {
  const handle = /** @type {any} */ (socket)._handle;
  if (handle === null) return;
  handle.reading = false;
  handle.readStop();
}
