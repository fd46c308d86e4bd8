import { useQuery } from '@tanstack/react-query';
import { ApiError } from '../api/api-error.ts';
import { api, must, setCsrfToken } from '../api/client.ts';
import { queryClient, SESSION_KEY } from '../api/query-client.ts';
import type { Me } from '../api/types.ts';

/** Who is signed in; null when nobody is. */
async function readSession(): Promise<Me | null> {
  try {
    const session = await must(api.GET('/api/sessions/current'));
    setCsrfToken(session.csrfToken);
    return await must(api.GET('/api/me'));
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 401 && error.code !== 'session_not_found')) throw error;
    setCsrfToken(null);
    return null;
  }
}

const SESSION = { queryKey: SESSION_KEY, queryFn: readSession, staleTime: 60_000 };

export function useSessionQuery() {
  return useQuery({ ...SESSION, refetchInterval: 5 * 60_000 });
}

/** Asks before anything is rendered, while the script of the page is loaded. */
export function prefetchSession(): void {
  void queryClient.prefetchQuery(SESSION);
}
