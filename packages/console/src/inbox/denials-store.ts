import { api, must } from '../api/client.ts';
import { queryClient } from '../api/query-client.ts';
import { socket } from '../api/socket.ts';
import type { Container, EgressDenial } from '../api/types.ts';
import { CONTAINERS_KEY } from '../containers/use-containers.ts';

/** Of each container; older ones are left out. */
const MAX_KEPT = 100;
const AT_ONCE = 4;

let denials: ReadonlyMap<string, readonly EgressDenial[]> = new Map();
const asked = new Set<string>();
const listeners = new Set<() => void>();

function add(containerId: string, more: readonly EgressDenial[]): void {
  const known = denials.get(containerId) ?? [];
  const numbers = new Set(known.map(({ seq }) => seq));
  const all = [...known, ...more.filter(({ seq }) => !numbers.has(seq))].toSorted((a, b) => a.seq - b.seq);
  denials = new Map(denials).set(containerId, all.slice(-MAX_KEPT));
  for (const listener of listeners) listener();
}

socket.on('egress:denied', ({ containerId, denial }) => {
  add(containerId, [denial as EgressDenial]);
  // Its policy has changed since the list was read.
  const container = queryClient.getQueryData<Container[]>(CONTAINERS_KEY)?.find(({ id }) => id === containerId);
  if (container?.egress === 'open') void queryClient.invalidateQueries({ queryKey: CONTAINERS_KEY });
});
// What was refused while there was no connection is asked for.
socket.on('disconnect', () => asked.clear());

/** Refused connections, by container: those so far, once they were read, and those that come. */
export const denialsStore = {
  get: (): ReadonlyMap<string, readonly EgressDenial[]> => denials,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Reads those of containers that have not been read. */
  read: async (containers: readonly Container[]): Promise<void> => {
    const waiting = containers.filter(({ id, egress }) => egress !== 'open' && !asked.has(id));
    for (const { id } of waiting) asked.add(id);
    const work = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await readOf(next.id);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  },
};

async function readOf(id: string): Promise<void> {
  try {
    const after = denials.get(id)?.at(-1)?.seq ?? 0;
    const params = { path: { id }, query: { after } };
    const { items } = await must(api.GET('/api/containers/{id}/egress/denials', { params }));
    if (items.length > 0) add(id, items);
  } catch {
    asked.delete(id);
  }
}
