import { request as httpRequest } from 'node:http';
import { canonicalHost } from './addresses.mjs';
import { isLarge, passLargeAnswer } from './large-answer.mjs';
import { lookupOf, Refused, routeTo, Unreachable, codeOf } from './dial.mjs';
import { proxyAuthorization } from './outer-proxy.mjs';

const HTTP_PORT = 80;
const TIMEOUT_MS = 60_000;
/** Of one connection, not of the request (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('node:http').ServerResponse} ServerResponse
 * @typedef {import('./workspace.mjs').Workspace} Workspace
 */

/**
 * A request to a proxy for plain HTTP, to a host that a rule names with this port.
 * @param {Workspace} workspace
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 */
export async function forwardHttp(workspace, request, response) {
  const url = URL.canParse(request.url ?? '') ? new URL(request.url ?? '') : undefined;
  const host = url === undefined ? undefined : canonicalHost(url.hostname);
  if (url === undefined || host === undefined) throw new Unreachable('the request names no host');
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : HTTP_PORT);
  if (url.protocol !== 'http:') throw new Refused('protocol', host, port);
  if (!namesSameHost(request.headers.host, url)) throw new Refused('host_mismatch', host, port);
  if (!workspace.policy.allows(host, port)) throw new Refused('not_allowed', host, port);
  const { addresses, proxy } = await routeTo(workspace, host, port, { kind: 'http' });
  const path = `${url.pathname}${url.search}`;
  const headers = { ...endToEnd(request), host: url.host };
  const direct = { host, port, path, headers, lookup: lookupOf(addresses) };
  const upstream = httpRequest({
    ...(proxy === undefined ? direct : throughProxy(proxy, `http://${url.host}${path}`, headers)),
    method: request.method ?? 'GET',
    agent: false,
  });
  const leave = workspace.enter({
    isAllowed: () => workspace.policy.allows(host, port),
    end: () => response.destroy(),
  });
  response.once('close', leave);
  upstream.once('response', (answer) =>
    passLargeAnswer({ request, response, upstream, answer }, (end) =>
      workspace.enter({ isAllowed: () => workspace.policy.allows(host, port), end }),
    ),
  );
  // A connection that is passed on cannot carry another request.
  const headersOf = (/** @type {IncomingMessage} */ answer) =>
    isLarge(answer) ? { ...endToEnd(answer), connection: 'close' } : endToEnd(answer);
  await exchange(request, response, upstream, `${host}:${port}`, { headersOf });
}

/**
 * @param {URL} proxy
 * @param {string} path the whole URL
 * @param {Record<string, string | string[]>} headers
 */
function throughProxy(proxy, path, headers) {
  const host = proxy.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: proxy.port || 80, path, headers: { ...headers, ...proxyAuthorization(proxy) } };
}

/**
 * @param {string | undefined} header
 * @param {URL} url
 */
function namesSameHost(header, url) {
  if (header === undefined) return false;
  return URL.canParse(`http://${header}/`) && new URL(`http://${header}/`).host === url.host;
}

/**
 * @param {IncomingMessage} message
 * @returns {Record<string, string | string[]>}
 */
export function endToEnd({ headers }) {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  /** @type {Record<string, string | string[]>} */
  const kept = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !HOP_BY_HOP.has(name) && !named.has(name)) kept[name] = value;
  return kept;
}

/**
 * Sends the request's body and the answer on, each chunk as it comes.
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 * @param {import('node:http').ClientRequest} upstream
 * @param {string} where for messages
 * @param {{
 *   headersOf?: (answer: IncomingMessage) => Record<string, string | string[]>,
 *   body?: Buffer | undefined, onAnswer?: (answer: IncomingMessage) => void
 * }} [options] the body when it was read already; who reads along with the answer
 * @returns {Promise<void>} once the answer has begun
 */
export function exchange(request, response, upstream, where, { headersOf = endToEnd, body, onAnswer } = {}) {
  return new Promise((accept, reject) => {
    upstream.setNoDelay(true);
    upstream.setTimeout(TIMEOUT_MS, () => {
      if (!response.headersSent) upstream.destroy(new Error('timeout'));
    });
    upstream.once('error', (error) => {
      if (response.headersSent) response.destroy();
      else reject(new Unreachable(`${where} cannot be reached (${codeOf(error)})`));
    });
    upstream.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, headersOf(answer));
      response.flushHeaders();
      onAnswer?.(answer);
      answer.on('error', () => response.destroy());
      answer.on('close', () => {
        if (!answer.complete) response.destroy();
      });
      answer.pipe(response);
      accept();
    });
    response.once('close', () => upstream.destroy());
    request.on('error', () => upstream.destroy());
    if (body === undefined) request.pipe(upstream);
    else upstream.end(body);
  });
}
