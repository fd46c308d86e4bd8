import { Injectable } from '@nestjs/common';
import { ApiKeyIdentities } from '../api-keys/api-key-identities.js';
import type { Identity } from '../principal.js';
import { SessionIdentities } from '../sessions/session-identities.js';
import { UserDirectory } from '../users/user-directory.js';

/** The identities behind all credentials that can be revoked. */
@Injectable()
export class CredentialIdentities {
  constructor(
    private readonly apiKeys: ApiKeyIdentities,
    private readonly sessions: SessionIdentities,
    private readonly users: UserDirectory,
  ) {}

  /** Whether the credential is still valid and allows what it did. */
  async stillHolds(identity: Identity): Promise<boolean> {
    switch (identity.credential.kind) {
      case 'admin_token':
        return true;
      case 'api_key':
        return this.apiKeys.stillHolds(identity);
      case 'session':
        return this.sessions.stillHolds(identity);
    }
  }

  /** Makes the next request with any credential read it again. */
  forget(): void {
    this.apiKeys.forget();
    this.sessions.forget();
    this.users.forget();
  }

  /** Stores when credentials were last used. */
  async storeUses(): Promise<void> {
    await this.apiKeys.storeUses();
    await this.sessions.storeUses();
  }
}
