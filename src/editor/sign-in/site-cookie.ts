import { Injectable } from '@nestjs/common';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { AdminToken } from '../../auth/admin-token.js';
import { Clock } from '../../common/time/clock.js';
import { type Site, siteKey } from '../proxy/site.js';

const LIFE_SECONDS = 12 * 60 * 60;
const MOST_KNOWN = 1_000;
const NAME = 'devforge_site';
/** Browsers take a cookie of such a name from its own host alone, so no neighbour can plant one. */
const SECURE_NAME = `__Host-${NAME}`;

/** The cookie that opens one site and nothing else; the API never looks at it. */
@Injectable()
export class SiteCookie {
  private readonly key: Buffer;
  /** Signed values that were checked before: an editor asks for hundreds of files with the same one. */
  private readonly genuine = new Set<string>();

  constructor(
    private readonly clock: Clock,
    token: AdminToken,
  ) {
    this.key = token.deriveKey(NAME);
  }

  /** The value of `Set-Cookie`: for that host alone. */
  issue(site: Site, { path, secure }: { path: string; secure: boolean }): string {
    const expires = Math.floor(this.clock.now().getTime() / 1_000) + LIFE_SECONDS;
    const name = secure && path === '/' ? SECURE_NAME : NAME;
    return `${name}=${expires}.${this.sign(site, expires)}; Path=${path}; Max-Age=${LIFE_SECONDS}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  }

  /** Whether a request's `Cookie` header opens that site. */
  opens(header: string | undefined, site: Site): boolean {
    return cookiesOf(header).some(([name, value]) => {
      if (name !== NAME && name !== SECURE_NAME) return false;
      const [expires = '', signature = ''] = value.split('.');
      return Number(expires) * 1_000 > this.clock.now().getTime() && this.isGenuine(site, Number(expires), signature);
    });
  }

  private isGenuine(site: Site, expires: number, signature: string): boolean {
    const known = `${siteKey(site)}.${expires}.${signature}`;
    if (this.genuine.has(known)) return true;
    const expected = Buffer.from(this.sign(site, expires));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    if (this.genuine.size >= MOST_KNOWN) this.genuine.clear();
    this.genuine.add(known);
    return true;
  }

  private sign(site: Site, expires: number): string {
    return createHmac('sha256', this.key)
      .update(`${siteKey(site)}.${expires}`)
      .digest('base64url');
  }
}

/** The header without DevForge's own cookies, or undefined when nothing is left. */
export function withoutOwnCookies(header: string | undefined): string | undefined {
  const others = cookiesOf(header).filter(([name]) => !/^(?:__Host-)?devforge_/.test(name));
  return others.length === 0 ? undefined : others.map(([name, value]) => `${name}=${value}`).join('; ');
}

function cookiesOf(header: string | undefined): [name: string, value: string][] {
  return (header ?? '').split(';').flatMap((part) => {
    const at = part.indexOf('=');
    return at < 1 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()] as [string, string]];
  });
}
