import type { Actor } from '../../common/request-context.js';
import type { AuditAction, AuditDetails } from '../types.js';
import type { UserPatch, UserRow } from '../auth/users/users.repository.js';
import type { AuditEntry } from './audit-events.repository.js';

/** What is done to a user. */
export function userEntry(
  action: AuditAction,
  { id, email }: Pick<UserRow, 'id' | 'email'>,
  details?: AuditDetails,
): AuditEntry {
  return { action, target: { kind: 'user', id, name: email }, projectId: null, details };
}

/** What a change of a user gives it or takes from it. */
export function changesOf({ role, disabledAt, email, name }: UserPatch): AuditDetails {
  return {
    ...(role === undefined ? {} : { role }),
    ...(disabledAt === undefined ? {} : { disabled: disabledAt !== null }),
    ...(email === undefined ? {} : { email }),
    ...(name === undefined ? {} : { name }),
  };
}

/** A user who proves who they are by the request itself. */
export function actorOf(
  { id, name, role }: Pick<UserRow, 'id' | 'name' | 'role'>,
  credential: Actor['credential'],
): Actor {
  return { kind: role === 'admin' ? 'administrator' : 'user', id, name, credential };
}
