import type { AgentWord, Container, ContainerStatus } from '../api/types.ts';

export const SORTS = ['name', 'status', 'agent', 'cpu', 'memory', 'disk', 'created'] as const;
export type Sort = (typeof SORTS)[number];

/** What of the containers is shown, and in which order. It is part of the address; what is left out is the default. */
export interface View {
  q?: string;
  status?: 'running' | 'stopped' | 'busy' | 'failed';
  agent?: AgentWord;
  /** Id of a project. */
  project?: string;
  sort?: Sort;
  desc?: boolean;
}

const STATUS_GROUPS: Record<NonNullable<View['status']>, readonly ContainerStatus[]> = {
  running: ['running'],
  stopped: ['stopped'],
  busy: ['queued', 'creating', 'starting', 'cloning', 'stopping', 'deleting'],
  failed: ['failed', 'missing'],
};
const AGENTS: readonly AgentWord[] = ['waiting', 'working', 'idle', 'none'];
const STATUS_ORDER: readonly ContainerStatus[] = [
  ...STATUS_GROUPS.failed,
  ...STATUS_GROUPS.busy,
  ...STATUS_GROUPS.running,
  ...STATUS_GROUPS.stopped,
];

/** Takes from the search of an address what it understands. */
export function readView(search: Record<string, unknown>): View {
  const { q, status, agent, project, sort, desc } = search;
  return {
    ...(typeof q === 'string' && q !== '' ? { q } : {}),
    ...(typeof status === 'string' && status in STATUS_GROUPS ? { status: status as View['status'] } : {}),
    ...(AGENTS.includes(agent as AgentWord) ? { agent: agent as AgentWord } : {}),
    ...(typeof project === 'string' && project !== '' ? { project } : {}),
    ...(SORTS.includes(sort as Sort) ? { sort: sort as Sort } : {}),
    ...(desc === true ? { desc } : {}),
  };
}

export function isFiltered({ q, status, agent, project }: View): boolean {
  return [q, status, agent, project].some((one) => one !== undefined);
}

/** The containers that a view shows, in its order. */
export function applyView(containers: readonly Container[], view: View): Container[] {
  const words = (view.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const shown = containers.filter(
    (container) =>
      (view.status === undefined || STATUS_GROUPS[view.status].includes(container.status)) &&
      (view.agent === undefined || (container.agent?.state ?? 'none') === view.agent) &&
      (view.project === undefined || container.projectId === view.project) &&
      words.every((word) => textOf(container).includes(word)),
  );
  const compare = COMPARE[view.sort ?? 'created'];
  const sign = view.desc === true ? -1 : 1;
  return shown.toSorted((one, other) => sign * compare(one, other) || one.name.localeCompare(other.name));
}

function textOf({ name, repoUrl, repoBranch, template, agent }: Container): string {
  return [name, repoUrl, repoBranch, template, agent?.waitingFor?.text].join('\n').toLowerCase();
}

const COMPARE: Record<Sort, (one: Container, other: Container) => number> = {
  name: (one, other) => one.name.localeCompare(other.name),
  status: (one, other) => STATUS_ORDER.indexOf(one.status) - STATUS_ORDER.indexOf(other.status),
  agent: (one, other) => agentRank(one) - agentRank(other),
  cpu: by(({ metrics }) => metrics?.cpu.percent),
  memory: by(({ metrics }) => metrics?.memory.usedMB),
  disk: by(({ metrics }) => metrics?.disk.usedMB),
  // Newest first, as the API lists them.
  created: (one, other) => other.createdAt.localeCompare(one.createdAt),
};

/** Highest first; those without a value last. */
function by(value: (container: Container) => number | null | undefined) {
  return (one: Container, other: Container): number => (value(other) ?? -1) - (value(one) ?? -1);
}

function agentRank({ agent }: Container): number {
  return AGENTS.indexOf(agent?.state ?? 'none');
}
