import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { callbackify } from 'node:util';
import { Pool } from 'undici';

const MOST_CONNECTIONS = 256;
/** The address of requests is the tunnel's business. */
export const ANYWHERE = 'http://127.0.0.1';

type Dial = () => Promise<Duplex>;

/** Connections through a tunnel that begin as a request and become something else. */
export class TunnelAgent extends Agent {
  constructor(private readonly dial: Dial) {
    super({ keepAlive: true, maxSockets: MOST_CONNECTIONS, maxFreeSockets: 0 });
  }

  override createConnection(_options: object, created: (error: Error | null, socket: Duplex) => void): undefined {
    callbackify(this.dial)(created);
  }
}

/** Connections through a tunnel, kept for the next request. A site may take its time to answer. */
export function tunnelPool(dial: Dial): Pool {
  return new Pool(ANYWHERE, {
    connections: MOST_CONNECTIONS,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_, connected) => callbackify(dial)(connected as (error: Error | null, socket: Duplex) => void),
  });
}
