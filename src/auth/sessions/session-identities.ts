import { Injectable } from '@nestjs/common';
import { BatchedLookup } from '../../common/concurrency/batched-lookup.js';
import { Clock } from '../../common/time/clock.js';
import { Settings } from '../../config/settings.js';
import {
  type SessionOwner,
  type SessionRow,
  SessionsRepository,
} from '../../persistence/auth/users/sessions.repository.js';
import { LastUses } from '../credentials/last-uses.js';
import { AdminToken } from '../admin-token.js';
import { ApiKeyIdentities } from '../api-keys/api-key-identities.js';
import { ADMINISTRATOR, type Credential, type Identity } from '../principal.js';
import { RevisionCache } from '../credentials/revision-cache.js';
import { hasHash, isSameText, type SecretToken } from '../credentials/secret-token.js';
import { adminKeyOf } from './session-owners.js';
import { identityOfUser, UserDirectory } from '../users/user-directory.js';

/** How exactly the last use of a session is stored. */
const USE_PRECISION_MS = 30_000;

/**
 * The identity behind a session. In steady state it takes no query: {@link forget} is called when anything changed.
 * Guesses of ids wait for one query at a time.
 */
@Injectable()
export class SessionIdentities {
  private readonly lookup = new BatchedLookup((ids: string[]) => this.sessions.findByIds(ids));
  private readonly rows = new RevisionCache((id) => this.lookup.get(id));
  private readonly uses = new LastUses();

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly users: UserDirectory,
    private readonly apiKeys: ApiKeyIdentities,
    private readonly adminToken: AdminToken,
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /** @returns null for an unknown, wrong or expired session, and for that of a user who is disabled or of a key that is revoked */
  async find({ id, secret }: SecretToken): Promise<Identity | null> {
    const session = await this.rows.get(id);
    if (!hasHash(secret, session?.secretHash) || session === null) return null;
    return this.identityOf(session);
  }

  /** @returns null for an unknown or expired session, and for that of a user who is disabled */
  async byId(id: string): Promise<Identity | null> {
    const session = await this.rows.get(id);
    return session === null ? null : this.identityOf(session);
  }

  /** Whether the session has not ended, and its user may still do what the identity may. */
  async stillHolds(identity: Identity): Promise<boolean> {
    if (identity.credential.kind !== 'session') return true;
    const session = await this.rows.get(identity.credential.id);
    if (session === null || (await this.isExpired(session))) return false;
    if (session.apiKeyId !== null)
      return this.apiKeys.stillHolds({ ...identity, credential: { kind: 'api_key', id: session.apiKeyId } });
    return session.userId === null ? this.isOfAdministrator(session) : this.users.stillCovers(identity);
  }

  forget(): void {
    this.rows.forget();
  }

  /** Stores the times of last use since the last call. */
  async storeUses(): Promise<void> {
    await this.uses.store((times) => this.sessions.noteUsed(times));
  }

  private async identityOf(session: SessionRow): Promise<Identity | null> {
    if (await this.isExpired(session)) return null;
    const identity = await this.ofOwner(session, { kind: 'session', id: session.id });
    if (identity !== null) this.noteUse(session);
    return identity;
  }

  /** Who an owner of sessions is. @returns null when it is disabled, revoked or expired */
  async ofOwner(owner: SessionOwner, credential: Credential): Promise<Identity | null> {
    const { userId, apiKeyId } = owner;
    if (userId !== null) {
      const user = await this.users.find(userId);
      return user === null ? null : identityOfUser(user, credential);
    }
    if (apiKeyId === null) return this.isOfAdministrator(owner) ? { ...ADMINISTRATOR, credential } : null;
    const identity = await this.apiKeys.byId(apiKeyId);
    return identity === null ? null : { ...identity, credential };
  }

  private isOfAdministrator({ adminKey }: SessionOwner): boolean {
    return adminKey !== null && isSameText(adminKey, adminKeyOf(this.adminToken));
  }

  private noteUse(session: SessionRow): void {
    const now = this.clock.now();
    if (now.getTime() - session.lastUsedAt.getTime() < USE_PRECISION_MS) return;
    session.lastUsedAt = now;
    this.uses.note(session.id, now);
  }

  private async isExpired(session: SessionRow): Promise<boolean> {
    const now = this.clock.now().getTime();
    if (session.expiresAt.getTime() <= now) return true;
    if (!this.isIdle(session, now)) return false;
    // Another process may have stored a later use.
    const stored = await this.sessions.findById(session.id);
    if (stored === null || this.isIdle(stored, now)) return true;
    session.lastUsedAt = stored.lastUsedAt;
    return false;
  }

  private isIdle({ lastUsedAt }: SessionRow, now: number): boolean {
    return now - lastUsedAt.getTime() >= this.settings.sessions.idleMs;
  }
}
