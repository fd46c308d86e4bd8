import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TunnelTarget, ConnectionRefusedError } from './tunnel-target.js';

const TIMEOUT_MS = 5_000;
/** The authority with which the handshake ends once it is answered. */
const REACHABILITY_CHECK = 'door';
const ANSWER = /^([A-Z0-9_]+|ok)\n/;
const MAX_ANSWER_LENGTH = 64;

/**
 * TCP connections to a program in a container, where the container's address can be reached. They spare the engine the
 * traffic that a tunnel would carry through it.
 */
export class DirectEndpoint {
  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly key: string,
  ) {}

  /** Whether the endpoint can be reached. Never rejects. */
  async isReachable(timeoutMs: number): Promise<boolean> {
    try {
      (await this.connect(REACHABILITY_CHECK, timeoutMs)).destroy();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * @throws ConnectionRefusedError when nothing listens at the target
   * @throws Error when the endpoint cannot be reached
   */
  dial(target: TunnelTarget): Promise<Socket> {
    return this.connect(target, TIMEOUT_MS);
  }

  private async connect(target: TunnelTarget | typeof REACHABILITY_CHECK, timeoutMs: number): Promise<Socket> {
    const socket = connect({ host: this.host, port: this.port, noDelay: true, allowHalfOpen: true });
    const timeout = setTimeout(() => socket.destroy(new Error('the direct endpoint does not answer')), timeoutMs);
    try {
      socket.write(`${this.key} ${target}\n`);
      const answer = await readAnswer(socket);
      if (answer === 'ok') return socket;
      throw target === REACHABILITY_CHECK ? new Error(answer) : new ConnectionRefusedError(target, answer);
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      throw error;
    } finally {
      clearTimeout(timeout);
    }
  }
}

/** Reads the first line; what follows it stays in the socket. */
async function readAnswer(socket: Socket): Promise<string> {
  let text = '';
  for (;;) {
    await once(socket, 'readable');
    for (let byte: Buffer | null; (byte = socket.read(1) as Buffer | null) !== null;) {
      text += byte.toString('latin1');
      const [, answer] = ANSWER.exec(text) ?? [];
      if (answer !== undefined) return answer;
      if (text.length > MAX_ANSWER_LENGTH) throw new Error('the direct endpoint sent an invalid answer');
    }
    if (socket.readableEnded || socket.destroyed) throw new Error('the direct endpoint closed the connection');
  }
}
