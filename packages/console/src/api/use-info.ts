import { useQuery } from '@tanstack/react-query';
import { api, must } from './client.ts';

/** What this DevForge is and can, which does not change while it runs. */
export function useInfo() {
  const { data } = useQuery({
    queryKey: ['info'],
    queryFn: () => must(api.GET('/api/info')),
    staleTime: Infinity,
  });
  return data;
}
