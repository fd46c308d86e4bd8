import { BlockList, isIP } from 'node:net';
import { parseHostAndPort } from '../common/host-and-port.js';

const WILDCARD = '*.';

/**
 * The host of a rule in the form in which it is compared: lower case, international names as Punycode.
 * @returns why it is none, in words that follow the property's name
 */
export function parseEgressHost(text: string): { host: string; isAddress: boolean } | { problem: string } {
  const isWildcard = text.startsWith(WILDCARD);
  const name = isWildcard ? text.slice(WILDCARD.length) : text;
  const parsed = parseHostAndPort(name);
  if (parsed === null || parsed.port !== null)
    return { problem: 'must be a host name, such as example.org, or *. and a domain; ports are in "ports"' };
  const { host } = parsed;
  const isAddress = isIP(withoutBrackets(host)) !== 0;
  if (isWildcard && (isAddress || !host.includes('.')))
    return { problem: 'must have a domain of two parts or more after *.' };
  return { host: isWildcard ? WILDCARD + host : host, isAddress };
}

/** Addresses that the operator exempts: those that are named, and those of the networks that are. */
export function exemptAddresses(privateHosts: readonly string[]): { has(host: string): boolean } {
  const list = new BlockList();
  for (const entry of privateHosts) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address);
    if (family === 0) continue;
    if (prefix === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return {
    has: (host) => {
      const address = withoutBrackets(host);
      return list.check(address, familyOf(address));
    },
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function withoutBrackets(host: string): string {
  return host.replaceAll(/[[\]]/g, '');
}
