import { Injectable } from '@nestjs/common';
import { noteRequest } from '../../common/request-context.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { Settings } from '../../config/settings.js';
import {
  type SessionOwner,
  type SessionRow,
  SessionsRepository,
} from '../../persistence/auth/users/sessions.repository.js';
import { hashOfSecret, isTokenId, newSecretToken, type SecretToken } from '../credentials/secret-token.js';
import type { Principal } from '../principal.js';
import { forbidden } from '../principal.js';
import { Revocation } from '../revocation.js';
import type { SessionDto } from './session.dto.js';
import { SessionIdentities } from './session-identities.js';
import { isSameOwner, ownedByUser, SessionOwners } from './session-owners.js';

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
    private readonly owners: SessionOwners,
    private readonly identities: SessionIdentities,
    private readonly revocation: Revocation,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /**
   * A new session, never one that the browser had before.
   * @returns null for an owner that does not exist, is disabled or expired
   */
  async begin(owner: SessionOwner, { address, userAgent }: BrowserAddress): Promise<BegunSession | null> {
    const token = newSecretToken(this.ids);
    const now = this.clock.now();
    const row: SessionRow = {
      id: token.id,
      secretHash: hashOfSecret(token.secret),
      userId: owner.userId,
      apiKeyId: owner.apiKeyId,
      adminKey: owner.adminKey,
      address,
      userAgent: userAgent.slice(0, MAX_USER_AGENT_LENGTH).toWellFormed(),
      createdAt: now,
      lastUsedAt: now,
      expiresAt: await this.owners.endWithin(owner, new Date(now.getTime() + this.settings.sessions.lifetimeMs)),
    };
    const actor = await this.identities.ofOwner(owner, { kind: 'session', id: token.id });
    if (actor === null) return null;
    return (await this.sessions.insert(row, actor)) ? { token, session: toSessionDto(row, token.id) } : null;
  }

  /** @throws DomainError `forbidden` when somebody who is no administrator asks for another user's */
  async list(principal: Principal, userId = principal.userId): Promise<SessionDto[]> {
    if (userId !== principal.userId && principal.kind !== 'administrator') throw forbidden('user:manage');
    const owner = userId === undefined ? await this.owners.of(principal) : ownedByUser(userId);
    const rows = owner === null ? [] : await this.sessions.ofOwner(owner);
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
    const isTheirs = row !== null && (principal.kind === 'administrator' || (await this.isOwn(principal, row)));
    if (row !== null && !isTheirs) noteRequest({ isHidden: true });
    if (!isTheirs || !(await this.remove(id))) throw sessionNotFound();
  }

  /** @throws DomainError `session_not_found` when the request did not come by a session */
  async endCurrent(principal: Principal): Promise<void> {
    const id = currentId(principal);
    if (id === undefined || !(await this.remove(id))) throw sessionNotFound();
  }

  private async isOwn(principal: Principal, row: SessionRow): Promise<boolean> {
    if (principal.userId !== undefined && row.userId === principal.userId) return true;
    const owner = await this.owners.of(principal);
    return owner !== null && isSameOwner(owner, row);
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
