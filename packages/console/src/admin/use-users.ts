import { useQuery } from '@tanstack/react-query';
import { api, must } from '../api/client.ts';

export const USERS_KEY = ['users'] as const;

export function useUsers(isEnabled = true) {
  return useQuery({ queryKey: USERS_KEY, queryFn: () => must(api.GET('/api/users')), enabled: isEnabled });
}
