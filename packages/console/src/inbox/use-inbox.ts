import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { socket } from '../api/socket.ts';
import type { Instruction, StatusUpdate } from '../api/types.ts';
import { useContainers } from '../containers/use-containers.ts';
import { useMay } from '../session/me.ts';
import { denialsStore } from './denials-store.ts';
import { dismissedItems } from './dismissed-items.ts';
import { inboxItems, type InboxItem } from './items.ts';

export const INBOX_KEY = ['inbox'] as const;
const PAGE_SIZE = 100;
const REFETCH_MS = 30_000;
const DAY_MS = 24 * 60 * 60_000;
/** An agent stops before its instruction has ended. */
const REFRESH_AFTER_MS = [200, 2_000];

const NONE: Instruction[] = [];

async function readInstructions(): Promise<Instruction[]> {
  const read = (query: { limit: number; status?: 'running' }) =>
    must(api.GET('/api/instructions', { params: { query } }));
  const [latest, running] = await Promise.all([
    read({ limit: PAGE_SIZE }),
    read({ limit: PAGE_SIZE, status: 'running' }),
  ]);
  const known = new Set(latest.items.map(({ id }) => id));
  return [...latest.items, ...running.items.filter(({ id }) => !known.has(id))];
}

export interface Inbox {
  /** Everything that waits for the person; undefined until it is known. */
  items: InboxItem[] | undefined;
  error: Error | null;
}

export function useInbox(): Inbox {
  const may = useMay();
  const { data: containers, error: containersError } = useContainers();
  const mayRead = may('instruction:read');
  const { data, error } = useQuery({
    queryKey: INBOX_KEY,
    queryFn: readInstructions,
    refetchInterval: REFETCH_MS,
    enabled: mayRead,
  });
  const instructions = mayRead ? data : NONE;
  const denials = useSyncExternalStore(denialsStore.subscribe, denialsStore.get);
  const dismissed = useSyncExternalStore(dismissedItems.subscribe, dismissedItems.get);
  useEffect(refreshWithAgents, []);
  useEffect(() => {
    if (containers !== undefined) void denialsStore.read(containers);
  }, [containers]);
  const items = useMemo(() => {
    if (containers === undefined || instructions === undefined) return undefined;
    const since = new Date(Date.now() - DAY_MS);
    return inboxItems({ containers, instructions, denials, dismissed, since });
  }, [containers, instructions, denials, dismissed]);
  return { items, error: containersError ?? error };
}

/** Reads instructions again when an agent or a container does something else than before. */
function refreshWithAgents(): () => void {
  const known = new Map<string, string>();
  let timers: ReturnType<typeof setTimeout>[] = [];
  const clear = (): void => timers.forEach(clearTimeout);
  const note = ({ containerId, status, agent }: StatusUpdate): void => {
    const state = [status, agent?.state, agent?.waitingFor?.text].join();
    const isOld = known.get(containerId) === state;
    const isFirst = !known.has(containerId);
    known.set(containerId, state);
    // The instructions may have been read before an agent began to wait.
    if (isOld || (isFirst && agent?.state !== 'waiting')) return;
    clear();
    timers = REFRESH_AFTER_MS.map((ms) =>
      setTimeout(() => void queryClient.invalidateQueries({ queryKey: INBOX_KEY }), ms),
    );
  };
  socket.on('status:update', note);
  return () => {
    clear();
    socket.off('status:update', note);
  };
}
