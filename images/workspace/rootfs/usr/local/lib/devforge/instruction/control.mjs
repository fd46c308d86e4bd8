/**
 * The runner's address, which is its lock as well: the process that listens there is the runner, and it can be asked. One
 * JSON line each way; a follower's connection stays open, and a byte on it says that there are new events.
 */
import { connect, createServer } from 'node:net';

const LINE_LIMIT = 256 * 1024;

/** The address, held by this process alone until it is released or the process ends. */
export class Claim {
  #waiting = [];
  #followers = new Set();
  #reply = null;

  /** `null` when another process holds it. */
  static make(address) {
    return new Promise((resolve, reject) => {
      const claim = new Claim();
      claim.server = createServer((socket) => claim.#admit(socket));
      claim.server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
      claim.server.listen(address, () => resolve(claim));
    });
  }

  /** Who asked before this is answered now. @param {(question: object) => object} reply */
  serve(reply) {
    this.#reply = reply;
    for (const socket of this.#waiting.splice(0)) this.#listen(socket);
  }

  /** Gives the address back; whoever asked finds out that there is no runner. */
  release() {
    this.server.close();
    for (const socket of [...this.#waiting, ...this.#followers]) socket.destroy();
  }

  /** Tells the followers that there are new events; one that has not read the last word needs no other. */
  announce() {
    for (const socket of this.#followers) if (socket.writableLength === 0) socket.write('+');
  }

  #admit(socket) {
    socket.on('error', () => socket.destroy());
    if (this.#reply) this.#listen(socket);
    else this.#waiting.push(socket);
  }

  #listen(socket) {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('close', () => this.#followers.delete(socket));
    socket.on('data', (more) => {
      text += more;
      const end = text.indexOf('\n');
      if (end < 0 && text.length < LINE_LIMIT) return;
      const question = parse(text.slice(0, Math.max(end, 0)));
      text = '';
      if (!question) return socket.destroy();
      socket.write(`${JSON.stringify(this.#reply(question))}\n`);
      if (question.command === 'follow') this.#followers.add(socket);
    });
  }
}

/**
 * Asks the runner. `null` when there is none, also when the process at the address gives it back without an answer.
 * @param {(socket: import('node:net').Socket) => void} [keep] takes the connection over, which is closed otherwise
 */
export function ask(address, question, keep) {
  return new Promise((resolve) => {
    const socket = connect(address);
    let text = '';
    const read = (more) => {
      text += more;
      const end = text.indexOf('\n');
      if (end < 0) return;
      socket.off('data', read);
      if (keep) keep(socket);
      else socket.destroy();
      resolve(parse(text.slice(0, end)));
    };
    socket.setEncoding('utf8');
    socket.once('connect', () => socket.write(`${JSON.stringify(question)}\n`));
    socket.on('error', () => resolve(null));
    socket.once('close', () => resolve(null));
    socket.on('data', read);
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
