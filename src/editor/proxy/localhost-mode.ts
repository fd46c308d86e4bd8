import type { IncomingMessage } from 'node:http';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';

const ORIGIN_HEADERS = ['origin', 'referer'] as const;

/**
 * For programs that answer only as `localhost`: changes `Host` and the addresses of the container's sites in a request to what
 * they would be for somebody inside the container.
 */
export function askAsLocalhost(request: IncomingMessage, address: SiteAddress, addresses: SiteAddresses): void {
  const { headers } = request;
  for (const name of ORIGIN_HEADERS) {
    const value = headers[name];
    if (value === undefined || !URL.canParse(value)) continue;
    const url = new URL(value);
    const site = addresses.parse(url.host, '/');
    if (site === null || site === 'malformed' || site.port === null || site.container !== address.container) continue;
    const local = `http://localhost:${site.port}`;
    headers[name] = name === 'origin' ? local : local + url.pathname + url.search;
  }
  headers.host = `localhost:${address.port}`;
  delete headers['x-forwarded-host'];
}

/** The headers of the response with its redirects to `localhost` leading back to the site. */
export function redirectToSite(headers: string[], port: number): string[] {
  const local = new RegExp(`^https?://localhost:${port}(?=/|$)`, 'i');
  return headers.map((value, at) =>
    at % 2 === 1 && headers[at - 1]!.toLowerCase() === 'location' ? value.replace(local, '') || '/' : value,
  );
}
