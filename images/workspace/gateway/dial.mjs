import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { connect, isIP } from 'node:net';
import { isPublic } from './addresses.mjs';
import { proxyAuthorization } from './outer-proxy.mjs';

const CONNECT_TIMEOUT_MS = 15_000;

/**
 * @typedef {import('./workspace.mjs').Workspace} Workspace
 * @typedef {{ addresses: string[], proxy: URL | undefined }} Route
 */

/** The connection may not be made. */
export class Refused extends Error {
  /**
   * @param {import('./policy.mjs').Reason} reason
   * @param {string} host
   * @param {number} port
   */
  constructor(reason, host, port) {
    super(reason);
    this.reason = reason;
    this.host = host;
    this.port = port;
  }
}

/** The host cannot be reached. */
export class Unreachable extends Error {}

/**
 * Resolves a host once; only these addresses are connected to, whatever the name stands for a moment later.
 * @param {Workspace} workspace
 * @param {string} host
 * @param {number} port
 * @param {{ isExempt?: boolean }} [options] of a host that the operator has set
 * @returns {Promise<string[]>}
 * @throws {Refused | Unreachable}
 */
export async function resolve({ policy }, host, port, { isExempt = false } = {}) {
  /** @type {string[]} */
  let addresses;
  try {
    addresses = isIP(host) > 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new Unreachable(`${host} cannot be resolved (${codeOf(error)})`);
  }
  const reachable = isExempt ? addresses : policy.reachable(host, addresses);
  if (reachable.length === 0) throw new Refused('private_address', host, port);
  return reachable;
}

/**
 * How a host is reached: over addresses that were checked, or through the operator's proxy. A name that only the proxy can
 * resolve is left to it; addresses that are not public are refused all the same, or reached without it where they are exempt.
 * @param {Workspace} workspace
 * @param {string} host
 * @param {number} port
 * @param {{ kind: 'https' | 'http', isExempt?: boolean }} options
 * @returns {Promise<Route>}
 * @throws {Refused | Unreachable}
 */
export async function routeTo(workspace, host, port, { kind, isExempt = false }) {
  const proxy = workspace.policy.outerProxy.urlFor(kind, host);
  if (proxy === undefined) return { addresses: await resolve(workspace, host, port, { isExempt }), proxy };
  try {
    const addresses = await resolve(workspace, host, port, { isExempt });
    return addresses.every(isPublic) ? { addresses: [], proxy } : { addresses, proxy: undefined };
  } catch (error) {
    if (error instanceof Unreachable) return { addresses: [], proxy };
    throw error;
  }
}

/**
 * Connects over a route, so that the other end is the host itself.
 * @param {Route} route
 * @param {string} host
 * @param {number} port
 * @returns {Promise<import('node:net').Socket>}
 * @throws {Unreachable}
 */
export function connectOver({ addresses, proxy }, host, port) {
  return proxy === undefined ? dial(addresses, host, port) : dialThrough(proxy, host, port);
}

/**
 * @param {URL} proxy
 * @param {string} host
 * @param {number} port
 * @returns {Promise<import('node:net').Socket>}
 */
function dialThrough(proxy, host, port) {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const request = httpRequest({
    host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: proxy.port || 80,
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...proxyAuthorization(proxy) },
    agent: false,
    timeout: CONNECT_TIMEOUT_MS,
  });
  return new Promise((accept, reject) => {
    /** @param {string} why */
    const fail = (why) => {
      request.destroy();
      reject(new Unreachable(`${authority} cannot be reached through the outer proxy (${why})`));
    };
    request.once('error', (error) => fail(codeOf(error))).once('timeout', () => fail('timeout'));
    request.once('response', ({ statusCode }) => fail(`it answered ${statusCode}`));
    request.once('connect', ({ statusCode }, socket, head) => {
      if (statusCode !== 200) {
        socket.destroy();
        return fail(`it answered ${statusCode}`);
      }
      const connected = /** @type {import('node:net').Socket} */ (socket);
      connected.setTimeout(0);
      connected.removeAllListeners('timeout').setNoDelay(true).setKeepAlive(true, 60_000);
      connected.allowHalfOpen = true;
      if (head.length > 0) connected.unshift(head);
      accept(connected);
    });
    request.end();
  });
}

/**
 * For `lookup` of Node's clients: answers with addresses that were checked.
 * @param {string[]} addresses
 * @returns {import('node:net').LookupFunction}
 */
export function lookupOf(addresses) {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, callback) => {
    if (options.all) callback(null, all);
    else callback(null, all[0]?.address ?? '', all[0]?.family);
  };
}

/**
 * @param {string[]} addresses
 * @param {string} host
 * @param {number} port
 * @returns {Promise<import('node:net').Socket>}
 * @throws {Unreachable}
 */
export function dial(addresses, host, port) {
  return new Promise((accept, reject) => {
    const [address] = addresses;
    const isOne = addresses.length === 1 && address !== undefined;
    const to = isOne ? { host: address, port } : { host, port, lookup: lookupOf(addresses) };
    const socket = connect({ ...to, allowHalfOpen: true, noDelay: true });
    /** @param {string} why */
    const fail = (why) => {
      socket.destroy();
      reject(new Unreachable(`${host}:${port} cannot be reached (${why})`));
    };
    const timer = setTimeout(() => fail('timeout'), CONNECT_TIMEOUT_MS);
    socket.once('error', (error) => fail(codeOf(error)));
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      socket.setKeepAlive(true, 60_000);
      accept(socket);
    });
    socket.once('close', () => clearTimeout(timer)).once('connect', () => clearTimeout(timer));
  });
}

/** @param {unknown} error */
export function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
