import { Injectable } from '@nestjs/common';
import { createHmac } from 'node:crypto';
import { isSameText } from '../../auth/credentials/secret-token.js';
import type { Credential } from '../../auth/principal.js';
import { AdminToken } from '../../auth/admin-token.js';
import { Clock } from '../../common/time/clock.js';
import { type Site, siteKey } from '../proxy/site.js';

const LIFETIME_SECONDS = 12 * 60 * 60;
const MAX_VERIFIED = 1_000;
/** Characters of a header that is kept. */
const MAX_VERIFIED_LENGTH = 4_096;
const KEY_PURPOSE = 'devforge_site';
/** With this prefix, browsers accept the cookie only from its own host, so that no sibling domain can set it. */
const HOST_PREFIX = '__Host-';
const AS_LOCALHOST = 'localhost';

/**
 * - `site`: for pages of the site.
 * - `cross`: for requests that pages of other sites of the same container send. Browsers hold the first one back where those
 *   count as another site, as all names below `localhost` do. The page that has sent the request is checked besides.
 */
export type CookieKind = 'site' | 'cross';

export interface CookieOptions {
  path: string;
  secure: boolean;
  credential: Credential;
  /** Whether the program is asked as `localhost`. */
  asLocalhost?: boolean;
}

export interface CrossCookieOptions {
  secure: boolean;
  /** Whether browsers treat the site as secure: with TLS, and below `localhost`. */
  trustworthy: boolean;
  /** For the pages of the site alone that the browser shows now, which needs no third-party cookies. */
  partitioned: boolean;
  credential: Credential;
}

/** What a valid cookie says. */
export interface SiteCookieContent {
  asLocalhost: boolean;
  /** What the link was asked for with: without it the cookie is worth nothing. */
  credential: Credential;
}

interface Verified {
  content: SiteCookieContent;
  /** Milliseconds since the epoch. */
  expires: number;
}

/** The cookies that sign a browser in to one site. The API does not accept them. */
@Injectable()
export class SiteCookie {
  private readonly key: Buffer;
  /** What valid headers say: an editor requests hundreds of files with the same one. */
  private readonly verified = new Map<string, Verified>();

  constructor(
    private readonly clock: Clock,
    token: AdminToken,
  ) {
    this.key = token.deriveKey(KEY_PURPOSE);
  }

  /** The value of a `Set-Cookie` header. */
  issue(site: Site, { path, secure, credential, asLocalhost = false }: CookieOptions): string {
    const attributes = `SameSite=Lax${secure ? '; Secure' : ''}`;
    return `${this.pair('site', site, { secure: secure && path === '/', credential, asLocalhost })}; Path=${path}; ${this.lifetime}; ${attributes}`;
  }

  /**
   * The value of a `Set-Cookie` header for the requests of sibling pages.
   */
  issueCross(site: Site, { secure, trustworthy, partitioned, credential }: CrossCookieOptions): string {
    const attributes = trustworthy ? `SameSite=None; Secure${partitioned ? '; Partitioned' : ''}` : 'SameSite=Lax';
    return `${this.pair('cross', site, { secure, credential, asLocalhost: false })}; Path=/; ${this.lifetime}; ${attributes}`;
  }

  /** Whether a request's `Cookie` header contains a valid cookie of the site. */
  isValidFor(header: string | undefined, site: Site): boolean {
    return this.read(header, site) !== null;
  }

  /** @returns what a valid cookie of the site says, or null when the header contains none */
  read(header: string | undefined, site: Site, kind: CookieKind = 'site'): SiteCookieContent | null {
    if (header === undefined) return null;
    const key = `${kind} ${siteKey(site)} ${header}`;
    const known = this.verified.get(key);
    if (known !== undefined && known.expires > this.clock.now().getTime()) return known.content;
    const verified = this.verify(header, site, kind);
    if (verified === null) return null;
    if (this.verified.size >= MAX_VERIFIED) this.verified.clear();
    if (header.length <= MAX_VERIFIED_LENGTH) this.verified.set(key, verified);
    return verified.content;
  }

  private verify(header: string, site: Site, kind: CookieKind): Verified | null {
    for (const [name, value] of cookiesOf(header)) {
      if (name !== nameOf(kind, false) && name !== nameOf(kind, true)) continue;
      const [expires = '', signature = '', mode = '', by = '', ...more] = value.split('.');
      if (
        more.length === 0 &&
        Number(expires) * 1_000 > this.clock.now().getTime() &&
        this.hasValidSignature(payload(kind, site, Number(expires), mode, by), signature)
      )
        return {
          content: {
            asLocalhost: mode === AS_LOCALHOST,
            credential: credentialOf(by),
          },
          expires: Number(expires) * 1_000,
        };
    }
    return null;
  }

  private get lifetime(): string {
    return `Max-Age=${LIFETIME_SECONDS}; HttpOnly`;
  }

  private pair(kind: CookieKind, site: Site, options: Omit<Required<CookieOptions>, 'path'>): string {
    const expires = Math.floor(this.clock.now().getTime() / 1_000) + LIFETIME_SECONDS;
    const mode = options.asLocalhost ? AS_LOCALHOST : '';
    const by = textOf(options.credential);
    const signature = this.sign(payload(kind, site, expires, mode, by));
    return `${nameOf(kind, options.secure)}=${expires}.${signature}${suffix(mode, by)}`;
  }

  private hasValidSignature(text: string, signature: string): boolean {
    return isSameText(signature, this.sign(text));
  }

  private sign(text: string): string {
    return createHmac('sha256', this.key).update(text).digest('base64url');
  }
}

/** The header without DevForge's own cookies, or undefined when it has no others. */
export function withoutOwnCookies(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const others = cookiesOf(header).filter(([name]) => !/^(?:__Host-)?devforge_/.test(name));
  return others.length === 0 ? undefined : others.map(([name, value]) => `${name}=${value}`).join('; ');
}

function nameOf(kind: CookieKind, secure: boolean): string {
  return `${secure ? HOST_PREFIX : ''}devforge_${kind}`;
}

/** What is signed. Cookies of version 0.1.0 have neither kind, mode nor key. */
function payload(kind: CookieKind, site: Site, expires: number, mode: string, by: string): string {
  return `${kind === 'site' ? '' : `${kind} `}${siteKey(site)}.${expires}${suffix(mode, by)}`;
}

const SESSION_PREFIX = 'session-';

/** The credential as part of a cookie. */
function textOf(credential: Credential): string {
  switch (credential.kind) {
    case 'admin_token':
      return '';
    case 'api_key':
      return credential.id;
    case 'session':
      return SESSION_PREFIX + credential.id;
  }
}

function credentialOf(text: string): Credential {
  if (text === '') return { kind: 'admin_token' };
  if (text.startsWith(SESSION_PREFIX)) return { kind: 'session', id: text.slice(SESSION_PREFIX.length) };
  return { kind: 'api_key', id: text };
}

function suffix(mode: string, by: string): string {
  if (by !== '') return `.${mode}.${by}`;
  return mode === '' ? '' : `.${mode}`;
}

function cookiesOf(header: string): [name: string, value: string][] {
  return header.split(';').flatMap((part) => {
    const at = part.indexOf('=');
    return at < 1 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()] as [string, string]];
  });
}
