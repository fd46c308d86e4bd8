import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { type ApiKeyRow, ApiKeysRepository } from '../../persistence/auth/api-keys.repository.js';
import type { Identity } from '../principal.js';
import { identityOfUser, UserDirectory } from '../users/user-directory.js';
import { type ApiKeyToken, hasHash, hashOfSecret } from './api-key-token.js';

const MAX_CACHED = 10_000;

/** The identity behind an API key. In steady state it takes no query: {@link forget} is called when anything changed. */
@Injectable()
export class ApiKeyIdentities {
  /** By id of the key. */
  private readonly cache = new Map<string, ApiKeyRow>();
  private readonly used = new Map<string, Date>();
  /** Tells reads that began before a change from later ones. */
  private generation = 0;

  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly users: UserDirectory,
    private readonly clock: Clock,
  ) {}

  /** @returns null for an unknown, wrong or expired key, and for that of a user who is disabled */
  async find({ id, secret }: ApiKeyToken): Promise<Identity | null> {
    const key = await this.load(id);
    // A guess of the id takes as long as a guess of the secret.
    if (!hasHash(secret, key?.secretHash ?? hashOfSecret('')) || key === null || this.isExpired(key)) return null;
    const identity = await this.identityOf(key);
    if (identity !== null) this.used.set(id, this.clock.now());
    return identity;
  }

  /** @returns null for an unknown or expired key */
  async byId(id: string): Promise<Identity | null> {
    const key = await this.load(id);
    return key === null || this.isExpired(key) ? null : this.identityOf(key);
  }

  /** Whether the key still exists, has not expired and means the same. */
  async stillHolds(identity: Identity): Promise<boolean> {
    if (identity.credential.kind !== 'api_key') return true;
    const key = await this.load(identity.credential.id);
    if (key === null || this.isExpired(key)) return false;
    return key.projectId === null ? this.users.stillCovers(identity) : key.role === identity.roles.get(key.projectId);
  }

  /** Makes the next request with any key read it again. */
  forget(): void {
    this.generation += 1;
    this.cache.clear();
  }

  /** Stores the times of last use since the last call. */
  async storeUses(): Promise<void> {
    if (this.used.size === 0) return;
    const uses = new Map(this.used);
    this.used.clear();
    await this.keys.noteUsed(uses);
  }

  private async load(id: string): Promise<ApiKeyRow | null> {
    const cached = this.cache.get(id);
    if (cached !== undefined) return cached;
    const { generation } = this;
    const row = await this.keys.findById(id);
    if (row === null || generation !== this.generation) return row;
    if (this.cache.size >= MAX_CACHED) this.cache.clear();
    this.cache.set(id, row);
    return row;
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
