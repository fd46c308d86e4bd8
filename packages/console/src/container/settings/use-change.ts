import type { components } from '@devforge/contract';
import { useMutation } from '@tanstack/react-query';
import { fieldErrors } from '../../api/api-error.ts';
import { api, must } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import type { Container } from '../../api/types.ts';
import { CONTAINERS_KEY, containerKey } from '../../containers/use-containers.ts';
import { showMessage, showUnlessAtFields } from '../../ui/toasts.tsx';

type Schemas = components['schemas'];
export type Change =
  { kind: 'container'; body: Schemas['UpdateContainerDto'] } | { kind: 'egress'; body: Schemas['UpdateEgressDto'] };

/** Changes a container. What waits for its next start is said. */
export function useChange({ id, name }: Container) {
  const change = useMutation({
    mutationFn: (next: Change): Promise<Container> => {
      const params = { path: { id } };
      return next.kind === 'egress'
        ? must(api.PATCH('/api/containers/{id}/egress', { params, body: next.body }))
        : must(api.PATCH('/api/containers/{id}', { params, body: next.body }));
    },
    onSuccess: (container) => {
      for (const reference of [id, name]) {
        queryClient.setQueryData<Container>(containerKey(reference), (one) => one && { ...one, ...container });
      }
      void queryClient.invalidateQueries({ queryKey: CONTAINERS_KEY });
      void queryClient.invalidateQueries({ queryKey: ['spend', id] });
      const waiting = container.pendingChanges.filter((field) => field !== 'name');
      showMessage('Saved', waiting.length > 0 ? `${waiting.join(' and ')}: from the next start on.` : undefined);
    },
    onError: (error) => {
      showUnlessAtFields('It was not saved', error);
    },
  });
  return { ...change, errors: fieldErrors(change.error) };
}
