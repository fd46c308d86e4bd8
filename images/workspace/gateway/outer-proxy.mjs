import { isIP } from 'node:net';
import { PrivateHosts } from './addresses.mjs';

/** @typedef {{ https: string | null, http: string | null, direct: string[] }} OuterProxySettings */

/** The proxy of the operator's network, if there is one. */
export class OuterProxy {
  #direct;

  /** @param {OuterProxySettings | null | undefined} settings */
  constructor(settings) {
    this.settings = settings ?? { https: null, http: null, direct: [] };
    // `example.org` and `.example.org` stand for the domain with everything below it.
    const named = this.settings.direct.filter((each) => each !== '*').map((each) => each.replace(/^\*?\./, ''));
    this.#direct = new PrivateHosts(
      named.flatMap((each) => (isIP(each.split('/')[0] ?? '') > 0 ? [each] : [each, `*.${each}`])),
    );
  }

  /**
   * @param {'https' | 'http'} kind
   * @param {string} host
   * @returns {URL | undefined} undefined for a direct connection
   */
  urlFor(kind, host) {
    const url = this.settings[kind];
    if (url === null || this.settings.direct.includes('*')) return undefined;
    return this.#direct.has(host, isIP(host) > 0 ? host : '0.0.0.0') ? undefined : new URL(url);
  }
}

/**
 * The header by which a proxy knows who asks.
 * @param {URL} proxy
 * @returns {Record<string, string>}
 */
export function proxyAuthorization({ username, password }) {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}
