import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { DomainError } from '../../common/errors/domain-error.js';
import { SessionAuthenticator } from './session-authenticator.js';
import { SessionCookie } from './session-cookie.js';
import type { OwnSessionDto, SessionDto } from './session.dto.js';
import { type BegunSession, SessionsService } from './sessions.service.js';
import { formatSecretToken } from '../credentials/secret-token.js';
import { csrfTokenOf } from './csrf-token.js';

/** The cookies of sessions in requests and responses. */
@Injectable()
export class BrowserSessions {
  constructor(
    private readonly authenticator: SessionAuthenticator,
    private readonly sessions: SessionsService,
    private readonly cookie: SessionCookie,
  ) {}

  /** Whether a browser can be signed in at the host of the request. */
  isAvailable({ headers }: Request): boolean {
    return this.authenticator.isAvailable(headers.host);
  }

  /** @throws DomainError `sign_in_unavailable` */
  requireAvailable({ headers }: Request): void {
    this.authenticator.requireAvailable(headers.host);
  }

  /** @throws DomainError `sign_in_unavailable`, or `forbidden` for a page of another origin */
  requireOwnPage({ headers }: Request): void {
    this.authenticator.requireAvailable(headers.host);
    if (!this.authenticator.isOwnPage({ headers }))
      throw new DomainError('forbidden', 'Pages of other origins cannot sign a browser in.');
  }

  /** Gives the browser its new session, and ends the one that it had. */
  async begin(request: Request, response: Response, { token, session }: BegunSession): Promise<OwnSessionDto> {
    const earlier = await this.authenticator.tokenOf(request.headers.cookie);
    if (earlier !== null) await this.sessions.remove(earlier.id);
    const lifetime = Math.round((Date.parse(session.expiresAt) - Date.parse(session.createdAt)) / 1_000);
    response.append('Set-Cookie', this.cookie.issue(formatSecretToken(token), lifetime));
    response.set('Cache-Control', 'no-store');
    return { ...session, csrfToken: csrfTokenOf(token) };
  }

  /** @throws DomainError `session_not_found` */
  async withCsrfToken({ headers }: Request, session: SessionDto): Promise<OwnSessionDto> {
    const token = await this.authenticator.tokenOf(headers.cookie);
    if (token?.id !== session.id) throw new DomainError('session_not_found', 'There is no such session.');
    return { ...session, csrfToken: csrfTokenOf(token) };
  }

  clear(response: Response): void {
    response.append('Set-Cookie', this.cookie.clear());
  }
}
