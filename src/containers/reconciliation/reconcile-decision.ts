import type { ContainerRow, JobRow } from '../../persistence/containers/containers.repository.js';
import type { StatusReason } from '../../persistence/types.js';
import type { ObservedWorkspace } from '../../drivers/workspace.js';
import { PROVISIONING } from '../lifecycle/state-table.js';

/** What the reconciler does about one container. */
export type Decision =
  | { do: 'nothing' }
  | { do: 'mark'; status: 'running' | 'stopped' | 'missing'; reason: StatusReason | null }
  /** Wake the worker for the job that is not finished. */
  | { do: 'wake' }
  /** Run a new `create` job. */
  | { do: 'reprovision' }
  /** Start it again: it should run, and stopped because the engine did. */
  | { do: 'restart' }
  | { do: 'finish-stop' }
  | { do: 'finish-removal' };

export interface Observation {
  now: Date;
  /** null when the engine says that there is no such workspace. */
  workspace: ObservedWorkspace | null;
  /** The engine or DevForge was unavailable since the container was last seen running. */
  engineWasAway: boolean;
}

export const VANISHED: StatusReason = {
  code: 'vanished',
  message: 'The Docker container vanished; start creates it again on the kept volume.',
};
/** The longest delay between two attempts of a job; the queue has lost one that is unchanged for longer. */
const LOST_AFTER_MS = 60_000;
/**
 * Of a job that no worker has begun: the process that accepted it may have died before it woke one. Waking one that only waits
 * for its turn changes nothing.
 */
const UNBEGUN_LOST_AFTER_MS = 10_000;
/** Exit code after SIGKILL. */
const KILLED = 137;
const NOTHING: Decision = { do: 'nothing' };

/** Compares a row without a lease holder with what the engine shows. */
export function decide(row: ContainerRow, job: JobRow | null, observation: Observation): Decision {
  const { workspace, engineWasAway } = observation;
  if (row.status === 'deleting') return { do: 'finish-removal' };
  if (PROVISIONING.includes(row.status)) return unfinished(job, observation);
  if (row.status === 'failed') return NOTHING;
  if (workspace === null) return absent(row);
  const runs = workspace.state === 'running' || workspace.state === 'paused';
  if (row.status === 'stopping') return runs ? { do: 'finish-stop' } : { do: 'mark', status: 'stopped', reason: null };
  if (runs) return row.status === 'running' ? NOTHING : { do: 'mark', status: 'running', reason: null };
  if (row.desiredRunning && engineWasAway) return { do: 'restart' };
  if (row.status === 'running') return { do: 'mark', status: 'stopped', reason: reasonOf(workspace) };
  return row.status === 'missing' ? { do: 'mark', status: 'stopped', reason: null } : NOTHING;
}

function unfinished(job: JobRow | null, { now, engineWasAway }: Observation): Decision {
  if (job === null || job.finishedAt !== null) return { do: 'reprovision' };
  const lostAfterMs = job.attempts === 0 ? UNBEGUN_LOST_AFTER_MS : LOST_AFTER_MS;
  const isLost = now.getTime() - job.updatedAt.getTime() > lostAfterMs;
  return engineWasAway || isLost ? { do: 'wake' } : NOTHING;
}

function absent(row: ContainerRow): Decision {
  if (row.status === 'missing') return NOTHING;
  return { do: 'mark', status: 'missing', reason: VANISHED };
}

function reasonOf({ oomKilled, exitCode }: ObservedWorkspace): StatusReason {
  // The flag is set once any process was killed for memory, which most containers survive.
  if (oomKilled && exitCode === KILLED)
    return { code: 'oom_killed', message: 'The container used more memory than its limit and was ended.' };
  return { code: 'exited', message: `The container was stopped outside DevForge (exit code ${exitCode}).` };
}
