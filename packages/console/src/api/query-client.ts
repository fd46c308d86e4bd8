import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError, isUnreachable } from './api-error.ts';

export const SESSION_KEY = ['session'] as const;
const MAX_RETRY_MS = 5_000;

/** A request that says that nobody is signed in makes the console ask who is. */
function noticeSignOut(error: unknown, key?: readonly unknown[]): void {
  if (!(error instanceof ApiError) || error.status !== 401 || key?.[0] === SESSION_KEY[0]) return;
  void queryClient.invalidateQueries({ queryKey: SESSION_KEY });
}

/** Waits for a server that is started again; other failures are shown. */
function shouldRetry(_count: number, error: unknown): boolean {
  return isUnreachable(error) || (error instanceof ApiError && error.status === 503);
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, query) => noticeSignOut(error, query.queryKey) }),
  mutationCache: new MutationCache({ onError: (error) => noticeSignOut(error) }),
  defaultOptions: {
    queries: {
      retry: shouldRetry,
      retryDelay: (count) => Math.min(500 * 2 ** count, MAX_RETRY_MS),
      staleTime: 10_000,
      networkMode: 'always',
      refetchOnWindowFocus: true,
    },
    mutations: { networkMode: 'always' },
  },
});
