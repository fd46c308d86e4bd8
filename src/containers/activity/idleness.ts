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
  row: Pick<ContainerRow, 'startedAt' | 'lastActivityAt' | 'idleStopMinutes' | 'ttlMinutes'>;
  /** null while it is unknown. */
  agent: Pick<AgentDto, 'state'> | null;
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
  /** It has run for as long as it may. */
  | { kind: 'expired' };

/** Whether a running container is to be stopped. An agent that waits for a person is in use. */
export function judge({ now, row, agent, hasInstructions, cpu }: Observation): Verdict {
  const { startedAt, lastActivityAt, idleStopMinutes, ttlMinutes } = row;
  if (startedAt === null) return { kind: 'unknown' };
  const passed = (since: Date, minutes: number): boolean => now.getTime() - since.getTime() >= minutes * MINUTE_MS;
  if (ttlMinutes !== null && passed(startedAt, ttlMinutes)) return { kind: 'expired' };
  if (hasInstructions) return { kind: 'active', activity: 'instruction' };
  if (agent?.state === 'working' || agent?.state === 'waiting') return { kind: 'active', activity: 'agent' };
  if (cpu !== null && cpu.percent >= BUSY_PERCENT) return { kind: 'active', activity: 'processes' };
  if (agent === null || cpu === null || now.getTime() - cpu.at.getTime() > SAMPLE_MS) return { kind: 'unknown' };
  const since = lastActivityAt !== null && lastActivityAt > startedAt ? lastActivityAt : startedAt;
  return { kind: idleStopMinutes !== null && passed(since, idleStopMinutes) ? 'idle' : 'quiet', since };
}
