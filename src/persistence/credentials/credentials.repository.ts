import type { credentials } from './credentials.schema.js';
import type { HolderScope } from '../types.js';

export type CredentialRow = typeof credentials.$inferSelect;

/** An encrypted value, and the key that it is encrypted with. */
export type SealedValue = Pick<CredentialRow, 'keyId' | 'sealed'>;

/** `holder_gone`: its project or user. */
export type CredentialInsertion = 'inserted' | 'holder_gone' | 'full';

/** A container that names a credential. */
export interface CredentialUser {
  id: string;
  name: string;
}

export type CredentialRemoval =
  { kind: 'removed' } | { kind: 'not_found' } | { kind: 'in_use'; containers: CredentialUser[] };

/** What a credential is used for, and for which container. */
export interface CredentialUse {
  container: { id: string; name: string; projectId: string };
  purpose: 'git' | 'model' | 'http';
}

/** Credentials that containers use, with their values encrypted. */
export abstract class CredentialsRepository {
  /** Inserts the credential, unless its project or user has `max` already. */
  abstract insert(credential: CredentialRow, max: number): Promise<CredentialInsertion>;
  abstract findById(id: string, scope: HolderScope): Promise<CredentialRow | null>;
  /** Those that a container names. */
  abstract findByIds(ids: readonly string[]): Promise<CredentialRow[]>;
  /** Latest first. */
  abstract list(scope: HolderScope): Promise<CredentialRow[]>;
  /** Removes a credential that no container names. */
  abstract remove(id: string): Promise<CredentialRemoval>;
  /** Records that it is used, in the audit as well. @returns false when it is gone */
  abstract recordUse(credential: CredentialRow, use: CredentialUse, at: Date): Promise<boolean>;
  /**
   * Encrypts up to `limit` values anew that are encrypted with another key than `keyId`. Other processes may do the same.
   * @param after the last id of the previous call
   * @param reseal returns null for what has to stay as it is
   */
  abstract reseal(
    keyId: string,
    page: { after: string | null; limit: number },
    reseal: (row: CredentialRow) => SealedValue | null,
  ): Promise<{ resealed: number; kept: number; last: string | null }>;
}
