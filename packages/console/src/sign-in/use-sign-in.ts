import { useMutation } from '@tanstack/react-query';
import { isUnreachable } from '../api/api-error.ts';
import { api, must, setCsrfToken } from '../api/client.ts';
import { queryClient, SESSION_KEY } from '../api/query-client.ts';
import type { Session } from '../api/types.ts';

export type SignIn =
  { by: 'password'; email: string; password: string } | { by: 'token'; token: string } | { by: 'link'; secret: string };

function begin(signIn: SignIn): Promise<Session> {
  switch (signIn.by) {
    case 'password':
      return must(api.POST('/api/sessions', { body: { email: signIn.email, password: signIn.password } }));
    case 'token':
      return must(api.POST('/api/sessions/by-token', { body: { token: signIn.token.trim() } }));
    case 'link':
      return must(api.POST('/api/sessions/by-link', { body: { secret: signIn.secret } }));
  }
}

const MAX_RETRIES = 3;

/** Exchanges what a person has for the cookie of a session, which scripts cannot read. A request that is lost is sent again. */
export function useSignIn() {
  return useMutation({
    retry: (count, error) => count < MAX_RETRIES && isUnreachable(error),
    retryDelay: (count) => 500 * 2 ** count,
    mutationFn: async (signIn: SignIn) => {
      const session = await begin(signIn);
      setCsrfToken(session.csrfToken);
      await queryClient.invalidateQueries({ queryKey: SESSION_KEY });
    },
  });
}
