import { describe, expect, it } from '@jest/globals';
import { containerRow, instructionRow } from '../../../test/support/rows.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { CONTAINER_STATUSES } from '../../persistence/types.js';
import type { RunnerOutcome } from '../runner/runner-outcome.js';
import { NO_DIFF } from './diff-storage.js';
import { endFromOutcome, endForStoppedContainer } from './run-end.js';

const OUTCOME: RunnerOutcome = {
  status: 'succeeded',
  reason: null,
  sessionId: 's',
  result: 'r',
  costUsd: 1,
  turns: 2,
  usage: {},
  diffBytes: 3,
  diffTruncated: false,
};

describe('endFromOutcome', () => {
  it('returns the outcome of the runner as the end of the instruction', () => {
    const { status, reason, diffBytes: _, ...patch } = OUTCOME;
    const diff = { bytes: 3, files: 1, insertions: 5, deletions: 7 };
    expect(endFromOutcome(OUTCOME, diff)).toEqual({
      status,
      reason,
      patch: {
        ...patch,
        costEstimated: false,
        diffBytes: 3,
        diffFiles: 1,
        diffInsertions: 5,
        diffDeletions: 7,
      },
    });
  });

  it('prefers what a run used that ended before Claude Code reported it', () => {
    const usage = {
      input_tokens: 1,
      output_tokens: 2,
      cache_creation_input_tokens: 3,
      cache_read_input_tokens: 4,
    };
    const unreported = { turns: 9, usage, costUsd: 0.5, costEstimated: true };
    expect(endFromOutcome({ ...OUTCOME, status: 'timed_out' }, NO_DIFF, unreported).patch).toMatchObject(unreported);
  });

  it.each([
    ['succeeded', undefined],
    ['failed', 'cli_crashed'],
    ['cancelled', 'cancelled'],
    ['timed_out', 'timed_out'],
  ] as const)('gives an outcome %s without a reason the default reason %s', (status, code) => {
    expect(endFromOutcome({ ...OUTCOME, status }, NO_DIFF).reason?.code).toBe(code);
    expect(endFromOutcome({ ...OUTCOME, status, reason: { code: 'own', message: 'm' } }, NO_DIFF).reason?.code).toBe(
      'own',
    );
  });
});

describe('endForStoppedContainer', () => {
  const end = (container: Partial<ContainerRow>, row = instructionRow()) =>
    endForStoppedContainer(row, containerRow(container));

  it.each(CONTAINER_STATUSES)('fails the instruction unless the container can still come up: %s', (status) => {
    const canContinue = ['queued', 'creating', 'starting', 'cloning', 'running', 'stopping'].includes(status);
    expect(end({ status, desiredRunning: false })?.reason?.code).toBe(canContinue ? undefined : 'container_stopped');
  });

  it('lets the instruction continue after the engine stopped its container', () => {
    expect(end({ status: 'stopped', desiredRunning: true })).toBeUndefined();
  });

  it('gives the reason of the container as the reason of the failure', () => {
    const statusReason = { code: 'disk_limit_exceeded', message: 'Too much.' };
    expect(end({ status: 'stopped', desiredRunning: false, statusReason })).toEqual({
      status: 'failed',
      reason: {
        code: 'container_stopped',
        message: 'The container became stopped during the run (disk_limit_exceeded: Too much.).',
      },
    });
    const oom = { code: 'oom_killed', message: 'Too much.' };
    expect(end({ status: 'stopped', desiredRunning: false, statusReason: oom })).toEqual({
      status: 'failed',
      reason: oom,
    });
  });

  it('cancels an instruction with a requested cancellation in every state of its container', () => {
    for (const status of CONTAINER_STATUSES) {
      expect(end({ status }, instructionRow({ cancelRequestedAt: new Date() }))).toMatchObject({
        status: 'cancelled',
        reason: { code: 'cancelled' },
      });
    }
  });
});
