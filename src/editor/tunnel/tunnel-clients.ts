import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { callbackify } from 'node:util';
import { Pool } from 'undici';
import { MAX_HEADER_BYTES } from '../../common/limits.js';

const MAX_CONNECTIONS = 256;
/** A placeholder: the tunnel decides where connections lead. */
export const TUNNEL_ORIGIN = 'http://127.0.0.1';

type Dial = () => Promise<Duplex>;

/** Dials a connection through a tunnel for each upgrade request. */
export class TunnelAgent extends Agent {
  constructor(private readonly dial: Dial) {
    super({ keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: 0 });
  }

  override createConnection(_options: object, created: (error: Error | null, socket: Duplex) => void): undefined {
    callbackify(this.dial)(created);
  }
}

/** Keeps connections through a tunnel for further requests. There are no time-outs, since a site may answer slowly. */
export function tunnelPool(dial: Dial): Pool {
  return new Pool(TUNNEL_ORIGIN, {
    connections: MAX_CONNECTIONS,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
    connect: (_, connected) => callbackify(dial)(connected as (error: Error | null, socket: Duplex) => void),
  });
}
