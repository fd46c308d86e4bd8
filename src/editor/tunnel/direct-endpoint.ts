import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TunnelTarget, ConnectionRefusedError } from './tunnel-target.js';

const PATIENCE_MS = 5_000;
const ANSWER = /^([A-Z0-9_]+|ok)\n/;
const LONGEST_ANSWER = 64;

/** The short way into a container, where its address can be reached: one TCP connection for each that is carried. */
export class DirectEndpoint {
  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly key: string,
  ) {}

  /** Whether there is a way to it. */
  async isOpen(patienceMs: number): Promise<boolean> {
    try {
      (await this.enter('door', patienceMs)).destroy();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * @throws TunnelRefusal when nothing listens at that end
   * @throws Error when there is no way
   */
  dial(end: TunnelTarget): Promise<Socket> {
    return this.enter(end, PATIENCE_MS);
  }

  private async enter(end: TunnelTarget | 'door', patienceMs: number): Promise<Socket> {
    const socket = connect({ host: this.host, port: this.port, noDelay: true, allowHalfOpen: true });
    const late = setTimeout(() => socket.destroy(new Error('the tunnel does not answer')), patienceMs);
    try {
      socket.write(`${this.key} ${end}\n`);
      const answer = await answerOf(socket);
      if (answer === 'ok') return socket;
      throw end === 'door' ? new Error(answer) : new ConnectionRefusedError(end, answer);
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }
}

/** Reads the first line; what comes behind it stays in the socket. */
async function answerOf(socket: Socket): Promise<string> {
  let text = '';
  for (;;) {
    await once(socket, 'readable');
    for (let byte: Buffer | null; (byte = socket.read(1) as Buffer | null) !== null;) {
      text += byte.toString('latin1');
      const [, answer] = ANSWER.exec(text) ?? [];
      if (answer !== undefined) return answer;
      if (text.length > LONGEST_ANSWER) throw new Error('the tunnel answers something else');
    }
    if (socket.readableEnded || socket.destroyed) throw new Error('the tunnel hung up');
  }
}
