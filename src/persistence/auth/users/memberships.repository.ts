import type { memberships } from '../auth.schema.js';
import type { UserRow } from './users.repository.js';

export type MembershipRow = typeof memberships.$inferSelect;
export type Member = MembershipRow & Pick<UserRow, 'email' | 'name'>;

export type MembershipWrite =
  { kind: 'written'; row: MembershipRow } | { kind: 'project_not_found' | 'user_not_found' | 'last_owner' };

export interface MembershipOptions {
  /** Refuses a change after which no user owns the project, though one did before. */
  keepsOwner: boolean;
}

/** The roles of users in projects. Every change raises the access revision in the same transaction. */
export abstract class MembershipsRepository {
  /** Adds the membership, or changes its role. */
  abstract put(membership: MembershipRow, options: MembershipOptions): Promise<MembershipWrite>;
  abstract remove(
    projectId: string,
    userId: string,
    options: MembershipOptions,
  ): Promise<'removed' | 'not_found' | 'last_owner'>;
  /** By email. */
  abstract ofProject(projectId: string): Promise<Member[]>;
  abstract ofUser(userId: string): Promise<MembershipRow[]>;
}
