import { Injectable } from '@nestjs/common';
import { BatchedLookup } from '../../common/concurrency/batched-lookup.js';
import { noteRequest } from '../../common/request-context.js';
import { Clock } from '../../common/time/clock.js';
import { type ApiKeyRow, ApiKeysRepository } from '../../persistence/auth/api-keys.repository.js';
import { type Identity, isAtLeast } from '../principal.js';
import { identityOfUser, UserDirectory } from '../users/user-directory.js';
import { LastUses } from '../credentials/last-uses.js';
import { RevisionCache } from '../credentials/revision-cache.js';
import { hasHash, type SecretToken } from '../credentials/secret-token.js';

/**
 * The identity behind an API key. In steady state it takes no query: {@link forget} is called when anything changed.
 * Guesses of ids wait for one query at a time.
 */
@Injectable()
export class ApiKeyIdentities {
  private readonly lookup = new BatchedLookup((ids: string[]) => this.keys.findByIds(ids));
  private readonly rows = new RevisionCache((id) => this.lookup.get(id));
  private readonly uses = new LastUses();

  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly users: UserDirectory,
    private readonly clock: Clock,
  ) {}

  /** @returns null for an unknown, wrong or expired key, and for that of a user who is disabled */
  async find({ id, secret }: SecretToken): Promise<Identity | null> {
    const key = await this.rows.get(id);
    if (key !== null) noteRequest({ presented: { kind: 'api_key', id }, projectId: key.projectId });
    if (!hasHash(secret, key?.secretHash) || key === null || this.isExpired(key)) return null;
    const identity = await this.identityOf(key);
    if (identity !== null) this.uses.note(id, this.clock.now());
    return identity;
  }

  /** @returns null for an unknown or expired key */
  async byId(id: string): Promise<Identity | null> {
    const key = await this.rows.get(id);
    return key === null || this.isExpired(key) ? null : this.identityOf(key);
  }

  /** Whether the key still exists, has not expired and allows as much. */
  async stillHolds(identity: Identity): Promise<boolean> {
    if (identity.credential.kind !== 'api_key') return true;
    const key = await this.rows.get(identity.credential.id);
    if (key === null || this.isExpired(key)) return false;
    const { projectId, role } = key;
    if (projectId === null || role === null) return this.users.stillCovers(identity);
    return [...identity.roles].every(([id, least]) => id === projectId && isAtLeast(role, least));
  }

  /** Makes the next request with any key read it again. */
  forget(): void {
    this.rows.forget();
  }

  /** Stores the times of last use since the last call. */
  async storeUses(): Promise<void> {
    await this.uses.store((times) => this.keys.noteUsed(times));
  }

  private async identityOf({ id, name, projectId, role, userId }: ApiKeyRow): Promise<Identity | null> {
    const credential = { kind: 'api_key', id } as const;
    if (projectId !== null && role !== null)
      return { kind: 'service', id: `key:${id}`, name, roles: new Map([[projectId, role]]), credential };
    const user = userId === null ? null : await this.users.find(userId);
    return user === null ? null : identityOfUser(user, credential);
  }

  private isExpired({ expiresAt }: ApiKeyRow): boolean {
    return expiresAt !== null && expiresAt <= this.clock.now();
  }
}
