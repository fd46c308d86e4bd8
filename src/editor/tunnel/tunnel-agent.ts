import { Agent, type AgentOptions } from 'node:http';
import type { Duplex } from 'node:stream';

const OPTIONS: AgentOptions = { keepAlive: true, maxSockets: 256, maxFreeSockets: 32 };

/** Keeps connections that go through a tunnel for the next request. */
export class TunnelAgent extends Agent {
  constructor(private readonly dial: () => Promise<Duplex>) {
    super(OPTIONS);
  }

  override createConnection(_options: object, created: (error: Error | null, socket: Duplex) => void): undefined {
    this.dial().then(
      (socket) => created(null, socket),
      (error: Error) => created(error, undefined as never),
    );
  }
}
