import { isIP } from 'node:net';
import { isPublic, matches, PrivateHosts } from './addresses.mjs';
import { OuterProxy } from './outer-proxy.mjs';

/**
 * @typedef {'open' | 'restricted' | 'none'} Mode
 * @typedef {{ host: string, ports: number[] }} Rule
 * @typedef {{ mode: Mode, allow: Rule[], privateHosts: string[], outerProxy?: import('./outer-proxy.mjs').OuterProxySettings | null }} Egress
 * @typedef {'not_allowed' | 'private_address' | 'host_mismatch' | 'protocol'} Reason
 */

/** @type {Egress} */
export const NOTHING = { mode: 'none', allow: [], privateHosts: [] };

/** What a workspace may reach. */
export class Policy {
  #privateHosts;
  /** Hosts as a connection names them: an IPv6 address without brackets. @type {Rule[]} */
  #rules;

  /** @param {Egress} egress */
  constructor(egress) {
    this.egress = egress;
    this.#rules = egress.allow.map(({ host, ports }) => ({ host: host.replace(/^\[(.*)\]$/, '$1'), ports }));
    this.#privateHosts = new PrivateHosts(egress.privateHosts);
    this.outerProxy = new OuterProxy(egress.outerProxy);
  }

  get isOpen() {
    return this.egress.mode === 'open';
  }

  /**
   * @param {string} host
   * @param {number} port
   */
  allows(host, port) {
    const { mode } = this.egress;
    if (mode !== 'restricted') return mode === 'open';
    return this.#rules.some((rule) => rule.ports.includes(port) && matches(rule.host, host));
  }

  /**
   * Whether a rule has this very name, and not a suffix of it.
   * @param {string} host
   * @param {number} port
   */
  names(host, port) {
    return this.#rules.some((rule) => rule.host === host && rule.ports.includes(port));
  }

  /**
   * @param {string} host
   * @param {string[]} addresses of the host
   * @returns those that may be connected to
   */
  reachable(host, addresses) {
    return addresses.filter((address) => isPublic(address) || this.#privateHosts.has(host, address));
  }

  /**
   * What a refusal says to the one who asked.
   * @param {Reason} reason
   * @param {string} host
   * @param {number} port
   */
  explain(reason, host, port) {
    const written = isIP(host) === 6 ? `[${host}]` : host;
    const where = `${written}:${port}`;
    if (reason === 'not_allowed' && isIP(host) > 0 && !this.#privateHosts.has(host, host))
      return `${where} is not allowed, and no rule can allow it: rules name hosts, not addresses.`;
    if (reason === 'not_allowed')
      return `${where} is not allowed. The rule that allows it: ${JSON.stringify({ host: written, ports: [port] })}`;
    if (reason === 'private_address')
      return `${where} has no public address. The operator can allow it with EGRESS_PRIVATE_HOSTS.`;
    if (reason === 'host_mismatch') return `the connection to ${where} names another host.`;
    return `the connection to ${where} is neither TLS, nor SSH, nor plain HTTP sent to the proxy.`;
  }
}
