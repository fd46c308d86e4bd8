import type { AgentDto } from '../../agent-state/agent.dto.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { Activity } from '../../persistence/types.js';

const MINUTE_MS = 60_000;
/** Processor time that counts as activity, in percent of a core. VS Code and Claude Code at rest take less. */
const BUSY_PERCENT = 10;
/** A sample that is older says nothing of now. */
const SAMPLE_MS = 60_000;

/** What is known of a running container, beside the activity that was recorded. */
export interface Observation {
  now: Date;
  row: Pick<ContainerRow, 'startedAt' | 'lastActivityAt' | 'idleStopMinutes' | 'ttlMinutes' | 'waitingStopMinutes'>;
  /** null while it is unknown. */
  agent: Pick<AgentDto, 'state' | 'since'> | null;
  /** Whether an instruction waits or runs. */
  hasInstructions: boolean;
  /** The latest sample of processor time, in percent of a core. */
  cpu: { percent: number; at: Date } | null;
}

export type Verdict =
  /** It is in use. */
  | { kind: 'active'; activity: Activity }
  /** Whether it is in use cannot be said, so it is taken to be. */
  | { kind: 'unknown' }
  /** Nothing has happened since, for less than it may. */
  | { kind: 'quiet'; since: Date }
  /** Nothing has happened since, for longer than it may. */
  | { kind: 'idle'; since: Date }
  /** Its agent waits for a person, and nothing else happens, for less than it may; at that time it will be stopped. */
  | { kind: 'waiting'; until: Date }
  /** Its agent has waited for longer than it may, and nothing else has happened since. */
  | { kind: 'waited'; since: Date }
  /** It has run for as long as it may. */
  | { kind: 'expired' };

/** Whether a running container is to be stopped. An agent that waits for a person is in use, unless that has a limit. */
export function judge({ now, row, agent, hasInstructions, cpu }: Observation): Verdict {
  const { startedAt, idleStopMinutes, ttlMinutes } = row;
  if (startedAt === null) return { kind: 'unknown' };
  const passed = (since: Date, minutes: number): boolean => now.getTime() - since.getTime() >= minutes * MINUTE_MS;
  if (ttlMinutes !== null && passed(startedAt, ttlMinutes)) return { kind: 'expired' };
  const waiting = agent === null ? null : waitingOf(row, agent);
  if (hasInstructions && waiting === null) return { kind: 'active', activity: 'instruction' };
  if (agent?.state === 'working' || (agent?.state === 'waiting' && waiting === null))
    return { kind: 'active', activity: 'agent' };
  if (cpu !== null && cpu.percent >= BUSY_PERCENT) return { kind: 'active', activity: 'processes' };
  if (agent === null || cpu === null || now.getTime() - cpu.at.getTime() > SAMPLE_MS) return { kind: 'unknown' };
  if (waiting !== null)
    return now < waiting.until ? { kind: 'waiting', until: waiting.until } : { kind: 'waited', since: waiting.since };
  const since = latest(startedAt, row.lastActivityAt, sinceOf(agent));
  return { kind: idleStopMinutes !== null && passed(since, idleStopMinutes) ? 'idle' : 'quiet', since };
}

/**
 * Since when an agent that waits for a person has waited while nothing else happened, and until when it may.
 * @returns null when it does not wait, may do so for ever, or since when is not known
 */
export function waitingOf(
  { startedAt, lastActivityAt, waitingStopMinutes }: Omit<Observation['row'], 'idleStopMinutes' | 'ttlMinutes'>,
  agent: Pick<AgentDto, 'state' | 'since'>,
): { since: Date; until: Date } | null {
  const began = sinceOf(agent);
  if (agent.state !== 'waiting' || began === null || waitingStopMinutes === null) return null;
  const since = latest(began, startedAt, lastActivityAt);
  return { since, until: new Date(since.getTime() + waitingStopMinutes * MINUTE_MS) };
}

function sinceOf({ since }: Pick<AgentDto, 'since'>): Date | null {
  return since === null ? null : new Date(since);
}

function latest(first: Date, ...others: (Date | null)[]): Date {
  return others.reduce<Date>((found, each) => (each !== null && each > found ? each : found), first);
}
