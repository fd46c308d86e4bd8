import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { callbackify } from 'node:util';
import { connectOver } from './dial.mjs';

/** @typedef {{ http: HttpAgent, https: HttpsAgent }} Agents */

/** @type {Agents} */
const direct = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
/** By the URL of the outer proxy. @type {Map<string, Agents>} */
const through = new Map();

/**
 * What keeps connections for the next request: with TLS from end to end, also through an outer proxy.
 * @param {boolean} isTls
 * @param {URL | undefined} proxy
 */
export function agentFor(isTls, proxy) {
  if (proxy === undefined) return isTls ? direct.https : direct.http;
  let agents = through.get(proxy.href);
  if (agents === undefined) {
    agents = {
      http: tunnelled(new HttpAgent({ keepAlive: true }), proxy),
      https: tunnelled(new HttpsAgent({ keepAlive: true }), proxy),
    };
    through.set(proxy.href, agents);
  }
  return isTls ? agents.https : agents.http;
}

/**
 * @template {HttpAgent | HttpsAgent} Kind
 * @param {Kind} agent
 * @param {URL} proxy
 * @returns {Kind}
 */
function tunnelled(agent, proxy) {
  const untyped = /** @type {any} */ (agent);
  const secure = untyped.createConnection.bind(agent);
  const isTls = agent instanceof HttpsAgent;
  /** @param {any} options */
  const open = async (options) => {
    const socket = await connectOver({ addresses: [], proxy }, options.host, Number(options.port));
    return isTls ? secure({ ...options, socket }) : socket;
  };
  // What a callback gets must not be returned as well.
  const create = callbackify(open);
  untyped.createConnection = (/** @type {any} */ options, /** @type {any} */ callback) =>
    void create(options, callback);
  return agent;
}
