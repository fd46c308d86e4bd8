import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { type SiteAddress, SiteAddresses } from '../../sites/site-addresses.js';

/** Which page a browser says that a request comes from. */
export type Requester = 'unknown' | 'own' | 'sibling' | 'foreign';

/** Tells the pages of a container's own sites, which may call one another, from all others. */
@Injectable()
export class SiblingOrigins {
  constructor(private readonly addresses: SiteAddresses) {}

  /** By the `Origin` of the request, or, when there is none, by its `Referer`. Browsers let no page forge either. */
  requester(request: IncomingMessage, address: SiteAddress): { kind: Requester; origin: string | null } {
    const { origin, referer } = request.headers;
    const named = origin ?? referer;
    if (named === undefined) return { kind: 'unknown', origin: null };
    if (origin === 'null') return this.ofOpaque(request, address);
    if (!URL.canParse(named)) return { kind: 'foreign', origin: null };
    const from = new URL(named);
    if (from.host === request.headers.host) return { kind: 'own', origin: from.origin };
    return this.isSibling(from, request, address)
      ? { kind: 'sibling', origin: from.origin }
      : { kind: 'foreign', origin: null };
  }

  /** Whether the URL is of a site of the container that `address` belongs to, at this server. */
  isSibling(url: URL, { headers }: IncomingMessage, address: SiteAddress): boolean {
    if (address.form !== 'host' || url.protocol !== this.addresses.protocol) return false;
    if (url.port !== portOf(headers.host)) return false;
    const other = this.addresses.parse(url.host, '/');
    return other !== null && other !== 'malformed' && other.form === 'host' && other.container === address.container;
  }

  /** After a redirect from one site to another, `Origin` is `null` although the page that asks has one. */
  private ofOpaque(request: IncomingMessage, address: SiteAddress): { kind: Requester; origin: string | null } {
    const { referer = '' } = request.headers;
    const from = URL.canParse(referer) ? new URL(referer) : null;
    return from !== null && this.isSibling(from, request, address)
      ? { kind: 'sibling', origin: from.origin }
      : { kind: 'foreign', origin: null };
  }
}

function portOf(host: string | undefined): string {
  return /:(\d+)$/.exec(host ?? '')?.[1] ?? '';
}
