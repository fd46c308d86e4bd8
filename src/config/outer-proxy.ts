import { isIP } from 'node:net';
import { listOf } from './oidc-settings.js';
import type { OuterProxy } from './settings.js';

/** Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, also in small letters, which win as they do for curl. */
export function outerProxy(variables: Record<string, string | undefined>): OuterProxy | null {
  const read = (name: string): string => variables[name.toLowerCase()] || variables[name] || '';
  const [https, http] = [usable(read('HTTPS_PROXY')), usable(read('HTTP_PROXY'))];
  if (https === null && http === null) return null;
  return { https, http, direct: listOf(read('NO_PROXY')).map((host) => host.toLowerCase()) };
}

/** The gateway speaks plain HTTP to a proxy, and does not reach the loopback of DevForge's machine. */
function usable(text: string): string | null {
  const written = text === '' || text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(written)) return null;
  const { protocol, hostname, href } = new URL(written);
  const isLoopback =
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
  return protocol === 'http:' && !isLoopback ? href : null;
}
