import { useMutation } from '@tanstack/react-query';
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

/** Exchanges what a person has for the cookie of a session, which scripts cannot read. */
export function useSignIn() {
  return useMutation({
    mutationFn: async (signIn: SignIn) => {
      const session = await begin(signIn);
      setCsrfToken(session.csrfToken);
      await queryClient.invalidateQueries({ queryKey: SESSION_KEY });
    },
  });
}
