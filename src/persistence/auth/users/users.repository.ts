import type { users } from './users.schema.js';

export type UserRow = typeof users.$inferSelect;
export type UserPatch = Partial<Pick<UserRow, 'email' | 'name' | 'role' | 'disabledAt'>>;

export type UserWrite = { kind: 'written'; row: UserRow } | { kind: 'email_taken' } | { kind: 'not_found' };

/** A link with which a user sets a password, stored by its hash. */
export interface Invitation {
  hash: string;
  expiresAt: Date;
}

/** The account at an OpenID provider. */
export interface ProviderAccount {
  issuer: string;
  subject: string;
}

/** People who may sign in. Every change of what a user may do raises the access revision in the same transaction. */
export abstract class UsersRepository {
  abstract insert(user: UserRow, invitation?: Invitation): Promise<UserWrite>;
  abstract findById(id: string): Promise<UserRow | null>;
  abstract findByEmail(email: string): Promise<UserRow | null>;
  /** By email. */
  abstract list(): Promise<UserRow[]>;
  abstract update(id: string, patch: UserPatch): Promise<UserWrite>;
  /** Removes the user with its memberships, sessions and keys. @returns false when there is none */
  abstract remove(id: string): Promise<boolean>;
  /** Replaces an earlier invitation of the user. @returns false when there is no such user */
  abstract invite(id: string, invitation: Invitation): Promise<boolean>;
  /** Those of the hashes that are of an invitation that is not expired. */
  abstract knownInvitations(hashes: string[], now: Date): Promise<string[]>;
  /**
   * Uses an invitation up: sets the password and ends all sessions of the user.
   * @returns null when there is no such invitation, it has expired, or another caller has used it
   */
  abstract acceptInvitation(hash: string, passwordHash: string, now: Date): Promise<UserRow | null>;
  /** Stores another hash of the password that `earlierHash` is of. */
  abstract rehash(id: string, earlierHash: string, passwordHash: string): Promise<void>;
  abstract findByAccount(account: ProviderAccount): Promise<UserRow | null>;
  /** @returns false when the account is a user's already, the user has one of this issuer, or there is no such user */
  abstract linkAccount(id: string, account: ProviderAccount, now: Date): Promise<boolean>;
}
