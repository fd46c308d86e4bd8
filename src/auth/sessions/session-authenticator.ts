import { Injectable } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '../../common/errors/domain-error.js';
import { Settings } from '../../config/settings.js';
import type { Identity } from '../principal.js';
import { parseSecretToken, type SecretToken } from '../credentials/secret-token.js';
import { SessionCookie } from './session-cookie.js';
import { SessionIdentities } from './session-identities.js';
import { CsrfTokenError, hasCsrfToken } from './csrf-token.js';

export const CSRF_HEADER = 'x-csrf-token';
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What of a request decides whether its cookie counts. */
export interface CookieRequest {
  /** `SOCKET` for the handshake of a socket. */
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** Authenticates browsers by the cookie of their session, in requests that pages of DevForge itself have sent. */
@Injectable()
export class SessionAuthenticator {
  private readonly base: URL;

  constructor(
    private readonly cookie: SessionCookie,
    private readonly identities: SessionIdentities,
    private readonly settings: Settings,
  ) {
    this.base = new URL(settings.publicUrl);
  }

  /**
   * @returns null when there is no valid session
   * @throws DomainError `csrf_token_invalid` for a change without the session's CSRF token
   */
  async authenticate(request: CookieRequest): Promise<Identity | null> {
    const values = this.cookie.read(request.headers.cookie);
    if (values.length === 0 || !this.isAvailable(request.headers.host) || !this.isOwnPage(request)) return null;
    const found = await this.find(values);
    if (found === null) return null;
    const needsToken = request.method !== 'SOCKET' && !SAFE_METHODS.has(request.method);
    if (needsToken && !hasCsrfToken(found.token, request.headers[CSRF_HEADER]))
      throw new CsrfTokenError(found.identity);
    return found.identity;
  }

  /** The token of the valid session in a `Cookie` header. */
  async tokenOf(header: string | undefined): Promise<SecretToken | null> {
    return (await this.find(this.cookie.read(header)))?.token ?? null;
  }

  /**
   * Whether browsers may be signed in at the host. Only where VS Code and ports have origins of their own: a page of a
   * workspace on DevForge's origin could act for the person who is signed in.
   */
  isAvailable(host: string | undefined): boolean {
    return this.settings.editorDomain !== null && host?.toLowerCase() === this.base.host;
  }

  /** @throws DomainError `sign_in_unavailable` */
  requireAvailable(host: string | undefined): void {
    if (this.settings.editorDomain === null)
      throw new DomainError(
        'sign_in_unavailable',
        'Signing in needs EDITOR_DOMAIN, so that VS Code has its own origin.',
      );
    if (!this.isAvailable(host))
      throw new DomainError('sign_in_unavailable', `Sign in at ${this.settings.publicUrl}, the address of DevForge.`);
  }

  /** Whether a page of DevForge's own origin has sent the request, or no page at all. */
  isOwnPage({ headers }: Pick<CookieRequest, 'headers'>): boolean {
    if (headers.origin !== undefined) return headers.origin === this.base.origin;
    const site = headers['sec-fetch-site'];
    return site === undefined || site === 'same-origin' || site === 'none';
  }

  /** Several valid sessions are no session: another host of the domain may have set one of them. */
  private async find(values: string[]): Promise<{ identity: Identity; token: SecretToken } | null> {
    const found = new Map<string, { identity: Identity; token: SecretToken }>();
    for (const value of values) {
      const token = parseSecretToken(value);
      const identity = token === undefined ? null : await this.identities.find(token);
      if (token !== undefined && identity !== null) found.set(token.id, { identity, token });
    }
    return found.size === 1 ? [...found.values()][0]! : null;
  }
}
