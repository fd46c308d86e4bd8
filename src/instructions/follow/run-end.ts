import { PROVISIONING } from '../../containers/lifecycle/state-table.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { InstructionEnd, InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import type { StatusReason } from '../../persistence/types.js';
import type { StoredDiff } from './diff-storage.js';
import type { InstructionFigures } from './live-figures.js';
import type { RunnerOutcome } from '../runner/runner-outcome.js';

export const CANCELLED: StatusReason = { code: 'cancelled', message: 'The instruction was cancelled.' };

/**
 * The end of an instruction whose runner reported an outcome.
 * @param unreported what a run used that ended before Claude Code reported it
 */
export function endFromOutcome(
  { status, reason, diffTruncated, sessionId, result, costUsd, turns, usage }: RunnerOutcome,
  { bytes, files, insertions, deletions }: StoredDiff,
  unreported?: InstructionFigures,
): InstructionEnd {
  const used =
    unreported === undefined
      ? { costUsd, turns, usage, costEstimated: false }
      : { ...unreported, usage: { ...unreported.usage } };
  return {
    status,
    reason: reason ?? defaultReason(status),
    patch: {
      sessionId,
      result,
      ...used,
      diffBytes: bytes,
      diffTruncated,
      diffFiles: files,
      diffInsertions: insertions,
      diffDeletions: deletions,
    },
  };
}

/**
 * The end of an instruction whose container does not run: it fails with a container that was stopped on purpose, and
 * continues later in one that is starting or was stopped together with the engine.
 * @returns undefined when the instruction can continue
 */
export function endForStoppedContainer(row: InstructionRow, container: ContainerRow): InstructionEnd | undefined {
  if (row.cancelRequestedAt !== null) return { status: 'cancelled', reason: CANCELLED };
  if (PROVISIONING.includes(container.status) || container.status === 'running' || container.status === 'stopping')
    return undefined;
  if (container.status === 'stopped' && container.desiredRunning) return undefined;
  const { status, statusReason } = container;
  if (statusReason?.code === 'oom_killed') return { status: 'failed', reason: statusReason };
  const why = statusReason === null ? '' : ` (${statusReason.code}: ${statusReason.message})`;
  return {
    status: 'failed',
    reason: { code: 'container_stopped', message: `The container became ${status} during the run${why}.` },
  };
}

/** The end of an instruction that cannot be executed. */
export function failedEnd(code: string, message: string): InstructionEnd {
  return { status: 'failed', reason: { code, message } };
}

function defaultReason(status: InstructionEnd['status']): StatusReason | null {
  switch (status) {
    case 'succeeded':
      return null;
    case 'cancelled':
      return CANCELLED;
    case 'timed_out':
      return { code: 'timed_out', message: 'The instruction exceeded its timeoutSeconds.' };
    case 'failed':
      return { code: 'cli_crashed', message: 'Claude Code failed without a reason.' };
  }
}
