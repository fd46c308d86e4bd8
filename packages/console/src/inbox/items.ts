import type { Container, EgressDenial, Instruction } from '../api/types.ts';

type Permission = Instruction['permissions'][number];

/** Something that waits for a person. */
export type InboxItem = { key: string; at: string; container: Container } & (
  | { kind: 'permission'; instruction: Instruction; permission: Permission }
  | { kind: 'question'; text: string }
  | { kind: 'budget' | 'instruction'; instruction: Instruction; text: string }
  | { kind: 'container' | 'model'; text: string }
  | { kind: 'egress'; denial: EgressDenial }
);

export interface InboxSources {
  containers: readonly Container[];
  /** Latest first. */
  instructions: readonly Instruction[];
  denials: ReadonlyMap<string, readonly EgressDenial[]>;
  dismissed: ReadonlySet<string>;
  /** Denials before then are left out. */
  since: Date;
}

const FAILED = new Set<Instruction['status']>(['failed', 'timed_out']);

/** Everything that waits for a person: what an agent asks first, then the latest first. */
export function inboxItems({ containers, instructions, denials, dismissed, since }: InboxSources): InboxItem[] {
  const items: InboxItem[] = [];
  const instructionsOf = Map.groupBy(instructions, ({ containerId }) => containerId);
  for (const container of containers) {
    const own = instructionsOf.get(container.id) ?? [];
    items.push(
      ...permissionsOf(container, own),
      ...questionsOf(container, own),
      ...modelProblemsOf(container),
      ...failuresOf(container, own[0]),
      ...denialsOf(container, denials.get(container.id) ?? [], since),
    );
  }
  return items
    .filter(({ key }) => !dismissed.has(key))
    .toSorted((a, b) => Number(isAsked(b)) - Number(isAsked(a)) || b.at.localeCompare(a.at));
}

/** Whether an agent does not go on without an answer. */
export function isAsked({ kind }: InboxItem): boolean {
  return kind === 'permission' || kind === 'question';
}

function permissionsOf(container: Container, own: readonly Instruction[]): InboxItem[] {
  return own.flatMap((instruction) =>
    instruction.permissions.map((permission) => ({
      kind: 'permission' as const,
      key: `permission:${permission.requestId}`,
      at: permission.askedAt,
      container,
      instruction,
      permission,
    })),
  );
}

/** What Claude Code asks in a terminal or in VS Code. */
function questionsOf(container: Container, own: readonly Instruction[]): InboxItem[] {
  const { agent, status, id, updatedAt } = container;
  if (status !== 'running' || agent?.state !== 'waiting' || own.some(({ status: one }) => one === 'running')) return [];
  const at = agent.since ?? updatedAt;
  const { tool = null, text = '' } = agent.waitingFor ?? {};
  return [
    { kind: 'question', key: `question:${id}:${at}`, at, container, text: tool === null ? text : `${tool}: ${text}` },
  ];
}

const PROBLEMS = {
  credential_refused: 'It refuses the credential.',
  rate_limited: 'It limits the rate of requests.',
  overloaded: 'It is overloaded.',
  failed: 'It fails.',
  unreachable: 'It cannot be reached.',
} as const;

/** Why the model's API does not answer what an agent asks. */
function modelProblemsOf(container: Container): InboxItem[] {
  const problem = container.status === 'running' ? (container.agent?.modelProblem ?? null) : null;
  if (problem === null) return [];
  const { reason, at } = problem;
  return [{ kind: 'model', key: `model:${container.id}:${reason}`, at, container, text: PROBLEMS[reason] }];
}

function failuresOf(container: Container, latest: Instruction | undefined): InboxItem[] {
  const items: InboxItem[] = [];
  const { id, status, statusReason, updatedAt } = container;
  if (status === 'failed' || status === 'missing') {
    const text = (statusReason as { message?: string } | null)?.message ?? '';
    items.push({ kind: 'container', key: `container:${id}:${status}:${text}`, at: updatedAt, container, text });
  }
  if (latest !== undefined && FAILED.has(latest.status)) {
    const { code, message } = (latest.statusReason ?? {}) as { code?: string; message?: string };
    items.push({
      kind: code === 'budget_exceeded' ? 'budget' : 'instruction',
      key: `instruction:${latest.id}`,
      at: latest.finishedAt ?? latest.createdAt,
      container,
      instruction: latest,
      text: message ?? '',
    });
  }
  return items;
}

/** Each destination once, however often it was tried, until it is allowed. */
function denialsOf(container: Container, denials: readonly EgressDenial[], since: Date): InboxItem[] {
  const latest = new Map<string, EgressDenial>();
  for (const denial of denials) {
    if (new Date(denial.at) < since || isAllowed(container, denial)) continue;
    latest.set(`${denial.host}:${denial.port}`, denial);
  }
  return [...latest].map(([destination, denial]) => ({
    kind: 'egress',
    key: `egress:${container.id}:${destination}`,
    at: denial.at,
    container,
    denial,
  }));
}

function isAllowed({ egress, egressAllow }: Container, { host, port }: EgressDenial): boolean {
  return egress === 'open' || egressAllow.some((rule) => rule.host === host && (rule.ports ?? [443]).includes(port));
}
