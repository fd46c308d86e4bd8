import { PROVISIONING } from '../../containers/lifecycle/state-table.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { InstructionEnd, InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import type { StatusReason } from '../../persistence/types.js';
import type { RunnerOutcome } from '../runner/runner-outcome.js';

export const CANCELLED: StatusReason = { code: 'cancelled', message: 'It was cancelled.' };

/** How an instruction ends whose runner wrote down how it ended. */
export function endOf({ status, reason, diffBytes, diffTruncated, ...patch }: RunnerOutcome): InstructionEnd {
  return { status, reason: reason ?? defaultReason(status), patch: { ...patch, diffBytes, diffTruncated } };
}

/**
 * How an instruction ends whose container does not run. While the container is on its way up, or the engine went
 * down under it, it goes on later; one that was stopped on purpose takes its run with it.
 * @returns undefined as long as it may go on
 */
export function endWithContainer(row: InstructionRow, container: ContainerRow): InstructionEnd | undefined {
  if (row.cancelRequestedAt !== null) return { status: 'cancelled', reason: CANCELLED };
  if (PROVISIONING.includes(container.status) || container.status === 'running' || container.status === 'stopping')
    return undefined;
  if (container.status === 'stopped' && container.desiredRunning) return undefined;
  const { status, statusReason } = container;
  if (statusReason?.code === 'oom_killed') return { status: 'failed', reason: statusReason };
  const why = statusReason === null ? '' : ` (${statusReason.code}: ${statusReason.message})`;
  return {
    status: 'failed',
    reason: { code: 'container_stopped', message: `The container became ${status} while it ran${why}.` },
  };
}

/** How an instruction ends that cannot be run. */
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
      return { code: 'timed_out', message: 'It took longer than it was given.' };
    case 'failed':
      return { code: 'cli_crashed', message: 'Claude Code failed and did not say why.' };
  }
}
