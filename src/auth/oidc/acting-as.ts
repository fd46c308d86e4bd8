import { currentContext, runInContext } from '../../common/request-context.js';
import { actorOf } from '../../persistence/audit/user-entries.js';
import type { UserRow } from '../../persistence/auth/users/users.repository.js';

/** Does what the provider's answer entails for a user; in the audit it is the user's act, by that provider. */
export function actingAs<Result>(
  user: Pick<UserRow, 'id' | 'name' | 'role'>,
  { issuer }: { issuer: string },
  work: () => Result,
): Result {
  const context = currentContext();
  if (context === undefined) return work();
  return runInContext({ ...context, actor: actorOf(user, { kind: 'oidc', id: issuer }) }, work);
}
