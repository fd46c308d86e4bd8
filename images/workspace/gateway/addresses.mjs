import { BlockList, isIP } from 'node:net';

const NOT_PUBLIC_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** Within 2000::/3: protocol assignments with Teredo, documentation, 6to4. Everything outside of it is not public. */
const NOT_PUBLIC_V6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const notPublic = new BlockList();
for (const [network, bits] of NOT_PUBLIC_V4) notPublic.addSubnet(String(network), Number(bits), 'ipv4');
for (const [network, bits] of NOT_PUBLIC_V6) notPublic.addSubnet(String(network), Number(bits), 'ipv6');
const unicast = new BlockList();
unicast.addSubnet('2000::', 3, 'ipv6');

/**
 * Whether an address may belong to the internet: neither loopback, private, link-local, multicast nor reserved.
 * @param {string} address
 */
export function isPublic(address) {
  const family = isIP(address);
  if (family === 4) return !notPublic.check(address, 'ipv4');
  return family === 6 && unicast.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
}

/** Host names and networks in which addresses are taken that are not public. */
export class PrivateHosts {
  #networks = new BlockList();
  /** @type {string[]} */
  #names = [];

  /** @param {string[]} entries names, `*.` and a suffix, addresses, or networks such as `10.1.0.0/16` */
  constructor(entries) {
    for (const entry of entries) {
      const [network = '', bits] = entry.split('/');
      const family = isIP(network);
      if (family === 0) this.#names.push(entry.toLowerCase());
      else if (bits === undefined) this.#networks.addAddress(network, family === 4 ? 'ipv4' : 'ipv6');
      else this.#networks.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
    }
  }

  /**
   * @param {string} host
   * @param {string} address of the host
   */
  has(host, address) {
    if (this.#networks.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')) return true;
    return this.#names.some((name) => matches(name, host));
  }
}

/**
 * @param {string} pattern a host name, or `*.` and a suffix
 * @param {string} host
 */
export function matches(pattern, host) {
  if (!pattern.startsWith('*.')) return pattern === host;
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1)) && isIP(host) === 0;
}

/**
 * A host and a port as `CONNECT` names them, in the form in which rules are written: lower case, addresses in their usual
 * notation, without a final dot.
 * @param {string} authority
 * @returns {{ host: string, port: number } | undefined}
 */
export function parseAuthority(authority) {
  const [, written = '', digits = ''] = /^(\[[0-9a-fA-F:.]+\]|[^\s:/?#@[\]\\]+):(\d{1,5})$/.exec(authority) ?? [];
  const port = Number(digits);
  if (written === '' || port < 1 || port > 65_535) return undefined;
  const host = canonicalHost(written);
  return host === undefined ? undefined : { host, port };
}

/**
 * @param {string} written an IPv6 address in brackets
 * @returns {string | undefined}
 */
export function canonicalHost(written) {
  if (!URL.canParse(`http://${written}/`)) return undefined;
  const { hostname } = new URL(`http://${written}/`);
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '') || undefined;
}
