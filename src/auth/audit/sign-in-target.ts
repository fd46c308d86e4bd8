import { noteRequest } from '../../common/request-context.js';
import type { UserRow } from '../../persistence/auth/users/users.repository.js';

/** Notes who a sign-in is of, for the case that it is refused. @param user null as long as nobody of DevForge is known */
export function noteSignInOf(user: Pick<UserRow, 'id' | 'email'> | null): void {
  const target = { kind: 'user', id: user?.id ?? null, name: user?.email ?? null };
  noteRequest({ target: () => target });
}
