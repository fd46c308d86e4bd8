/**
 * The runner listens on a socket that is also its lock: the process that holds the address is the runner. Commands and
 * replies are one line of JSON each. A follower's connection stays open; each byte on it means that there are new events.
 */
import { connect, createServer } from 'node:net';

const MAX_LINE_LENGTH = 256 * 1024;

/**
 * @typedef {import('node:net').Socket} Socket
 * @typedef {{ command: string, requestId?: string, answer?: { decision: string, message?: string } }} Command
 * @typedef {{ state: string }} Reply
 */

/** Held by this process alone, until it releases the address or ends. */
export class RunnerSocket {
  /** @type {Socket[]} */
  #waiting = [];
  /** @type {Set<Socket>} */
  #followers = new Set();
  /** @type {((command: Command) => Reply) | null} */
  #reply = null;
  #server = createServer((socket) => this.#accept(socket));

  /** @param {string} address @returns {Promise<RunnerSocket | null>} `null` when another process holds it */
  static acquire(address) {
    return new Promise((resolve, reject) => {
      const socket = new RunnerSocket();
      socket.#server.once('error', (/** @type {NodeJS.ErrnoException} */ error) =>
        error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
      );
      socket.#server.listen(address, () => resolve(socket));
    });
  }

  /** Replies to commands from now on, beginning with those that are waiting. @param {(command: Command) => Reply} reply */
  serve(reply) {
    this.#reply = reply;
    for (const socket of this.#waiting.splice(0)) this.#listen(socket, reply);
  }

  /** Clients that are waiting for a reply are disconnected, which means to them that there is no runner. */
  release() {
    this.#server.close();
    for (const socket of [...this.#waiting, ...this.#followers]) socket.destroy();
  }

  /** Notifies the followers of new events, except those that have not read the last notification yet. */
  notify() {
    for (const socket of this.#followers) if (socket.writableLength === 0) socket.write('+');
  }

  /** @param {Socket} socket */
  #accept(socket) {
    socket.on('error', () => socket.destroy());
    if (this.#reply) this.#listen(socket, this.#reply);
    else this.#waiting.push(socket);
  }

  /** @param {Socket} socket @param {(command: Command) => Reply} reply */
  #listen(socket, reply) {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('close', () => this.#followers.delete(socket));
    socket.on('data', (more) => {
      text += more;
      const end = text.indexOf('\n');
      if (end < 0 && text.length < MAX_LINE_LENGTH) return;
      const command = parse(text.slice(0, Math.max(end, 0)));
      text = '';
      if (!command) return socket.destroy();
      socket.write(`${JSON.stringify(reply(command))}\n`);
      if (command.command === 'follow') this.#followers.add(socket);
    });
  }
}

/**
 * Sends a command to the runner.
 *
 * @param {string} address
 * @param {Command} command
 * @param {(socket: Socket) => void} [keep] takes over the connection, which is closed otherwise
 * @returns {Promise<Reply | null>} `null` when there is no runner, also when it disconnects without a reply
 */
export function sendCommand(address, command, keep) {
  return new Promise((resolve) => {
    const socket = connect(address);
    let text = '';
    const read = (/** @type {Buffer | string} */ more) => {
      text += more;
      const end = text.indexOf('\n');
      if (end < 0) return;
      socket.off('data', read);
      if (keep) keep(socket);
      else socket.destroy();
      resolve(parse(text.slice(0, end)));
    };
    socket.setEncoding('utf8');
    socket.once('connect', () => socket.write(`${JSON.stringify(command)}\n`));
    socket.on('error', () => resolve(null));
    socket.once('close', () => resolve(null));
    socket.on('data', read);
  });
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
