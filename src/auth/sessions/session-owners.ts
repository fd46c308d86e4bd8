import { Injectable } from '@nestjs/common';
import { type ApiKeyRow, ApiKeysRepository } from '../../persistence/auth/api-keys.repository.js';
import { type SessionOwner, SessionsRepository } from '../../persistence/auth/users/sessions.repository.js';
import { AdminToken } from '../admin-token.js';
import type { Identity } from '../principal.js';

const PURPOSE = 'devforge sessions';
const NOBODY: SessionOwner = { userId: null, apiKeyId: null, adminKey: null };

/** Whose the session of a browser is that signs in with a credential. */
@Injectable()
export class SessionOwners {
  constructor(
    private readonly adminToken: AdminToken,
    private readonly sessions: SessionsRepository,
    private readonly apiKeys: ApiKeysRepository,
  ) {}

  /** @returns null for the credential of a session that has ended */
  async of({ credential }: Identity): Promise<SessionOwner | null> {
    switch (credential.kind) {
      case 'admin_token':
        return { ...NOBODY, adminKey: adminKeyOf(this.adminToken) };
      case 'api_key':
        return { ...NOBODY, apiKeyId: credential.id };
      case 'session': {
        const row = await this.sessions.findById(credential.id);
        return row === null ? null : { userId: row.userId, apiKeyId: row.apiKeyId, adminKey: row.adminKey };
      }
    }
  }

  /**
   * The API key that a credential is, or that its session was signed in with: what it makes neither outlives nor survives it.
   * @returns null for another credential, `gone` for one that was revoked or has ended
   */
  async keyBehind(identity: Identity): Promise<ApiKeyRow | 'gone' | null> {
    const owner = await this.of(identity);
    if (owner === null) return 'gone';
    return owner.apiKeyId === null ? null : ((await this.keyOf(owner.apiKeyId)) ?? 'gone');
  }

  /** `asked`, or when the key of the owner expires, if that is earlier. */
  async endWithin({ apiKeyId }: SessionOwner, asked: Date): Promise<Date> {
    const expiresAt = apiKeyId === null ? null : ((await this.keyOf(apiKeyId))?.expiresAt ?? null);
    return expiresAt !== null && expiresAt < asked ? expiresAt : asked;
  }

  private async keyOf(id: string): Promise<ApiKeyRow | undefined> {
    return (await this.apiKeys.findByIds([id]))[0];
  }
}

export function ownedByUser(userId: string): SessionOwner {
  return { ...NOBODY, userId };
}

export function isSameOwner(one: SessionOwner, other: SessionOwner): boolean {
  return one.userId === other.userId && one.apiKeyId === other.apiKeyId && one.adminKey === other.adminKey;
}

/** Tells administrator tokens apart, and does not reveal them. */
export function adminKeyOf(adminToken: AdminToken): string {
  return adminToken.deriveKey(PURPOSE).toString('base64url');
}
