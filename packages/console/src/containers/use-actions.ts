import { useMutation } from '@tanstack/react-query';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import type { Container } from '../api/types.ts';
import { showFailure } from '../ui/toasts.tsx';
import { containerKey, CONTAINERS_KEY } from './use-containers.ts';

export type Action = 'start' | 'stop' | 'rebuild';

const NAMES: Record<Action, string> = { start: 'Starting', stop: 'Stopping', rebuild: 'Rebuilding' };
const STARTABLE = new Set<Container['status']>(['stopped', 'failed', 'missing']);

export function canStart({ status }: Container): boolean {
  return STARTABLE.has(status);
}

function refresh(): void {
  void queryClient.invalidateQueries({ queryKey: CONTAINERS_KEY });
  void queryClient.invalidateQueries({ queryKey: ['container'] });
}

/** Starts, stops and rebuilds containers, and says when that fails. */
export function useAction() {
  return useMutation({
    mutationFn: ({ id, action }: { id: string; name: string; action: Action }) => {
      const params = { path: { id } };
      switch (action) {
        case 'start':
          return must(api.POST('/api/containers/{id}/start', { params }));
        case 'stop':
          return must(api.POST('/api/containers/{id}/stop', { params }));
        case 'rebuild':
          return must(api.POST('/api/containers/{id}/rebuild', { params }));
      }
    },
    onError: (error, { action, name }) => showFailure(`${NAMES[action]} ${name} failed`, error),
    onSettled: refresh,
  });
}

export function useDelete() {
  return useMutation({
    mutationFn: ({ id, keepVolume }: { id: string; name: string; keepVolume: boolean }) =>
      must(api.DELETE('/api/containers/{id}', { params: { path: { id }, query: { keepVolume } } })),
    onSuccess: (_, { id, name }) => {
      queryClient.setQueryData<Container[]>(CONTAINERS_KEY, (list) => list?.filter((one) => one.id !== id));
      for (const reference of [id, name]) queryClient.removeQueries({ queryKey: containerKey(reference) });
    },
    onError: (error, { name }) => showFailure(`Deleting ${name} failed`, error),
    onSettled: () => void queryClient.invalidateQueries({ queryKey: CONTAINERS_KEY }),
  });
}
