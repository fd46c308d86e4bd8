import { Injectable } from '@nestjs/common';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { AdminToken } from '../../auth/admin-token.js';
import { Clock } from '../../common/time/clock.js';
import { type Site, siteKey } from '../proxy/site.js';

const LIFETIME_SECONDS = 12 * 60 * 60;
const MAX_VERIFIED = 1_000;
const NAME = 'devforge_site';
/** With this prefix, browsers accept the cookie only from its own host, so that no sibling domain can set it. */
const SECURE_NAME = `__Host-${NAME}`;

/** The cookie that signs a browser in to one site. The API does not accept it. */
@Injectable()
export class SiteCookie {
  private readonly key: Buffer;
  /** Values whose signature has been verified: an editor requests hundreds of files with the same one. */
  private readonly verified = new Set<string>();

  constructor(
    private readonly clock: Clock,
    token: AdminToken,
  ) {
    this.key = token.deriveKey(NAME);
  }

  /** The value of a `Set-Cookie` header. */
  issue(site: Site, { path, secure }: { path: string; secure: boolean }): string {
    const expires = Math.floor(this.clock.now().getTime() / 1_000) + LIFETIME_SECONDS;
    const name = secure && path === '/' ? SECURE_NAME : NAME;
    return `${name}=${expires}.${this.sign(site, expires)}; Path=${path}; Max-Age=${LIFETIME_SECONDS}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  }

  /** Whether a request's `Cookie` header contains a valid cookie of the site. */
  isValidFor(header: string | undefined, site: Site): boolean {
    return cookiesOf(header).some(([name, value]) => {
      if (name !== NAME && name !== SECURE_NAME) return false;
      const [expires = '', signature = ''] = value.split('.');
      return (
        Number(expires) * 1_000 > this.clock.now().getTime() && this.hasValidSignature(site, Number(expires), signature)
      );
    });
  }

  private hasValidSignature(site: Site, expires: number, signature: string): boolean {
    const value = `${siteKey(site)}.${expires}.${signature}`;
    if (this.verified.has(value)) return true;
    const expected = Buffer.from(this.sign(site, expires));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    if (this.verified.size >= MAX_VERIFIED) this.verified.clear();
    this.verified.add(value);
    return true;
  }

  private sign(site: Site, expires: number): string {
    return createHmac('sha256', this.key)
      .update(`${siteKey(site)}.${expires}`)
      .digest('base64url');
  }
}

/** The header without DevForge's own cookies, or undefined when it has no others. */
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
