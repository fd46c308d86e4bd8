import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { callbackify } from 'node:util';
import { type Dispatcher, Pool } from 'undici';
import { MAX_HEADER_BYTES } from '../../common/limits.js';
import { RequestPool } from './request-pool.js';

const MAX_CONNECTIONS = 256;
const SAFE_METHODS = new Set<string>(['GET', 'HEAD', 'OPTIONS']);
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

/** What forwards requests other than upgrades. */
export interface TunnelPool {
  /** @param options.headers names and values in turn */
  dispatch(options: Dispatcher.DispatchOptions & { headers: string[] }, handler: Dispatcher.DispatchHandler): void;
  /** For requests of DevForge itself. */
  request: Pool['request'];
  destroy(): Promise<void>;
}

/**
 * Keeps connections through a tunnel for further requests. There are no time-outs, since a site may answer slowly. Safe
 * requests without a body, which are nearly all, take a client that does no more than they need; undici sends the others.
 */
export function tunnelPool(dial: Dial): TunnelPool {
  const requests = new RequestPool(dial, MAX_CONNECTIONS);
  const pool = new Pool(TUNNEL_ORIGIN, {
    connections: MAX_CONNECTIONS,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
    connect: (_, connected) => callbackify(dial)(connected as (error: Error | null, socket: Duplex) => void),
  });
  return {
    request: pool.request.bind(pool) as Pool['request'],
    dispatch(options, handler) {
      const { body = null, method, path, headers } = options;
      if (body !== null || !SAFE_METHODS.has(method)) pool.dispatch(options, handler);
      else requests.dispatch({ method, path, headers }, handler);
    },
    destroy() {
      requests.destroy();
      return pool.destroy();
    },
  };
}
