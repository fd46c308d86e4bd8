import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { Settings } from '../../config/settings.js';
import { type SessionRow, SessionsRepository } from '../../persistence/auth/users/sessions.repository.js';
import { hashOfSecret, isTokenId, newSecretToken, type SecretToken } from '../credentials/secret-token.js';
import type { Principal } from '../principal.js';
import { forbidden } from '../principal.js';
import { Revocation } from '../revocation.js';
import type { SessionDto } from './session.dto.js';

const MAX_USER_AGENT_LENGTH = 300;

/** Where a browser is signed in from. */
export interface BrowserAddress {
  address: string;
  userAgent: string;
}

/** Begins, lists and ends sessions. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly revocation: Revocation,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /**
   * A new session, never one that the browser had before.
   * @returns null for a user who does not exist or is disabled
   */
  async begin(userId: string, { address, userAgent }: BrowserAddress): Promise<BegunSession | null> {
    const token = newSecretToken(this.ids);
    const now = this.clock.now();
    const row: SessionRow = {
      id: token.id,
      secretHash: hashOfSecret(token.secret),
      userId,
      address,
      userAgent: userAgent.slice(0, MAX_USER_AGENT_LENGTH).toWellFormed(),
      createdAt: now,
      lastUsedAt: now,
      expiresAt: new Date(now.getTime() + this.settings.sessions.lifetimeMs),
    };
    return (await this.sessions.insert(row)) ? { token, session: toSessionDto(row, token.id) } : null;
  }

  /** @throws DomainError `forbidden` when somebody who is no administrator asks for another user's */
  async list(principal: Principal, userId = principal.userId): Promise<SessionDto[]> {
    if (userId === undefined) return [];
    if (userId !== principal.userId && principal.kind !== 'administrator') throw forbidden('user:manage');
    const rows = await this.sessions.ofUser(userId);
    const now = this.clock.now().getTime();
    const { idleMs } = this.settings.sessions;
    return rows
      .filter(({ expiresAt, lastUsedAt }) => expiresAt.getTime() > now && now - lastUsedAt.getTime() < idleMs)
      .map((row) => toSessionDto(row, currentId(principal)));
  }

  /** @throws DomainError `session_not_found` when the request did not come by a session */
  async current(principal: Principal): Promise<SessionDto> {
    const id = currentId(principal);
    const row = id === undefined ? null : await this.sessions.findById(id);
    if (row === null) throw sessionNotFound();
    return toSessionDto(row, id);
  }

  /** @throws DomainError `session_not_found`, also for a session of another user */
  async end(principal: Principal, id: string): Promise<void> {
    const row = isTokenId(id) ? await this.sessions.findById(id) : null;
    const isTheirs = row !== null && (row.userId === principal.userId || principal.kind === 'administrator');
    if (!isTheirs || !(await this.remove(id))) throw sessionNotFound();
  }

  /** @throws DomainError `session_not_found` when the request did not come by a session */
  async endCurrent(principal: Principal): Promise<void> {
    const id = currentId(principal);
    if (id === undefined || !(await this.remove(id))) throw sessionNotFound();
  }

  /** Ends a session that the browser had before. */
  async remove(id: string): Promise<boolean> {
    const isRemoved = await this.sessions.remove(id);
    if (isRemoved) this.revocation.noticeChange();
    return isRemoved;
  }
}

export interface BegunSession {
  token: SecretToken;
  session: SessionDto;
}

function currentId({ credential }: Principal): string | undefined {
  return credential.kind === 'session' ? credential.id : undefined;
}

function sessionNotFound(): DomainError {
  return new DomainError('session_not_found', 'There is no such session.');
}

function toSessionDto(row: SessionRow, currentSession: string | undefined): SessionDto {
  const { id, userId, address, userAgent, createdAt, lastUsedAt, expiresAt } = row;
  return {
    id,
    userId,
    address,
    userAgent,
    current: id === currentSession,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}
