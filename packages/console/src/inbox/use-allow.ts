import { useMutation } from '@tanstack/react-query';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import type { Container, EgressDenial } from '../api/types.ts';
import { CONTAINERS_KEY } from '../containers/use-containers.ts';
import { showFailure } from '../ui/toasts.tsx';

/** Adds the rule of a refused connection to what the container may reach. */
export function useAllow() {
  return useMutation({
    mutationFn: async ({ id, denial: { rule } }: { id: string; denial: EgressDenial }) => {
      if (rule === null) throw new Error('No rule can allow it.');
      const params = { path: { id } };
      // Somebody may have changed the rules since this page was loaded.
      const { egressAllow } = await must(api.GET('/api/containers/{id}', { params }));
      const rules = [...egressAllow, rule].map(({ host, ports }) => ({ host, ports: ports ?? [443] }));
      return must(api.PATCH('/api/containers/{id}/egress', { params, body: { egressAllow: rules } }));
    },
    onSuccess: (container: Container) => {
      queryClient.setQueryData<Container[]>(CONTAINERS_KEY, (list) =>
        list?.map((one) => (one.id === container.id ? { ...one, egressAllow: container.egressAllow } : one)),
      );
      void queryClient.invalidateQueries({ queryKey: ['container'] });
    },
    onError: (error) => showFailure('It was not allowed', error),
  });
}
