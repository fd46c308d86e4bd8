import { describe, expect, it } from '@jest/globals';
import { containerRow, instructionRow } from '../../../test/support/rows.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { CONTAINER_STATUSES } from '../../persistence/types.js';
import type { RunnerOutcome } from '../runner/runner-outcome.js';
import { endOf, endWithContainer } from './run-end.js';

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

describe('the end of a run', () => {
  it('is what the runner wrote', () => {
    const { status, reason, ...patch } = OUTCOME;
    expect(endOf(OUTCOME)).toEqual({ status, reason, patch });
  });

  it.each([
    ['succeeded', undefined],
    ['failed', 'cli_crashed'],
    ['cancelled', 'cancelled'],
    ['timed_out', 'timed_out'],
  ] as const)('that is %s and says no more has the reason %s', (status, code) => {
    expect(endOf({ ...OUTCOME, status }).reason?.code).toBe(code);
    expect(endOf({ ...OUTCOME, status, reason: { code: 'own', message: 'm' } }).reason?.code).toBe('own');
  });
});

describe('a run whose container does not run', () => {
  const end = (container: Partial<ContainerRow>, row = instructionRow()) =>
    endWithContainer(row, containerRow(container));

  it.each(CONTAINER_STATUSES)('and is %s', (status) => {
    const goesOn = ['queued', 'creating', 'starting', 'cloning', 'running', 'stopping'].includes(status);
    expect(end({ status, desiredRunning: false })?.reason?.code).toBe(goesOn ? undefined : 'container_stopped');
  });

  it('goes on later when the engine went down under it', () => {
    expect(end({ status: 'stopped', desiredRunning: true })).toBeUndefined();
  });

  it('says why it was stopped', () => {
    const statusReason = { code: 'disk_limit_exceeded', message: 'Too much.' };
    expect(end({ status: 'stopped', desiredRunning: false, statusReason })).toEqual({
      status: 'failed',
      reason: {
        code: 'container_stopped',
        message: 'The container became stopped while it ran (disk_limit_exceeded: Too much.).',
      },
    });
    const oom = { code: 'oom_killed', message: 'Too much.' };
    expect(end({ status: 'stopped', desiredRunning: false, statusReason: oom })).toEqual({
      status: 'failed',
      reason: oom,
    });
  });

  it('is cancelled when that was asked for, whatever the container is', () => {
    for (const status of CONTAINER_STATUSES) {
      expect(end({ status }, instructionRow({ cancelRequestedAt: new Date() }))).toMatchObject({
        status: 'cancelled',
        reason: { code: 'cancelled' },
      });
    }
  });
});
