import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { socket, whileConnected } from '../api/socket.ts';
import type { Container, StatusUpdate } from '../api/types.ts';

export const CONTAINERS_KEY = ['containers'] as const;
export const containerKey = (reference: string) => ['container', reference] as const;
const PAGE_SIZE = 500;

async function readAll(): Promise<Container[]> {
  const containers: Container[] = [];
  let cursor: string | undefined;
  do {
    const query = { includeMetrics: true, limit: PAGE_SIZE, cursor };
    const page = await must(api.GET('/api/containers', { params: { query } }));
    containers.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return containers;
}

/** All containers that the person may see, which a live subscription keeps up to date. */
export function useContainers() {
  useEffect(watchStatus, []);
  return useQuery({ queryKey: CONTAINERS_KEY, queryFn: readAll, staleTime: 60_000 });
}

/** One container, with the same updates. */
export function useContainer(reference: string) {
  useEffect(watchStatus, []);
  return useQuery({
    queryKey: containerKey(reference),
    queryFn: () => must(api.GET('/api/containers/{id}', { params: { path: { id: reference } } })),
    staleTime: 5_000,
  });
}

let watchers = 0;
let stop: (() => void) | undefined;

/** One subscription for the whole page, to all containers. */
function watchStatus(): () => void {
  watchers += 1;
  stop ??= startWatching();
  return () => {
    watchers -= 1;
    if (watchers > 0) return;
    stop?.();
    stop = undefined;
  };
}

function startWatching(): () => void {
  const removed = ({ containerId }: { containerId: string }): void => {
    queryClient.setQueryData<Container[]>(CONTAINERS_KEY, (list) => list?.filter(({ id }) => id !== containerId));
    void queryClient.invalidateQueries({ queryKey: ['container'] });
  };
  socket.on('status:update', applyUpdate);
  socket.on('status:removed', removed);
  const end = whileConnected(
    () => void socket.emit('subscribe:status', {}),
    () => void socket.emit('unsubscribe:status', {}),
  );
  return () => {
    end();
    socket.off('status:update', applyUpdate);
    socket.off('status:removed', removed);
  };
}

/** What of a container an update does not say is read again when its status has changed. */
function applyUpdate(update: StatusUpdate): void {
  let isKnown = false;
  let hasChanged = false;
  const merge = (container: Container): Container => {
    if (container.id !== update.containerId) return container;
    isKnown = true;
    hasChanged ||= container.status !== update.status;
    return merged(container, update);
  };
  queryClient.setQueryData<Container[]>(CONTAINERS_KEY, (list) => list?.map(merge));
  queryClient.setQueriesData<Container>({ queryKey: ['container'] }, (one) => one && merge(one));
  if (isKnown && !hasChanged) return;
  void queryClient.invalidateQueries({ queryKey: CONTAINERS_KEY });
  void queryClient.invalidateQueries({ queryKey: ['container'] });
}

function merged(
  container: Container,
  { status, statusReason, agent, waitingStopAt, job, at }: StatusUpdate,
): Container {
  return { ...container, status, statusReason, agent, waitingStopAt, job: job as Container['job'], updatedAt: at };
}
