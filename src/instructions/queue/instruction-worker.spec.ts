import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { instructionRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { InstructionEnd, InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { DriverError } from '../../drivers/driver-error.js';
import { RunnerError } from '../runner/runner-client.js';
import { LeaseLostError } from '../follow/event-writer.js';
import { HeldInstruction } from './instruction-leases.js';
import type { InstructionChanges } from '../follow/instruction-changes.js';
import type { InstructionFollower } from '../follow/instruction-follower.js';
import { InstructionWorker } from './instruction-worker.js';
import type { RunCleanup } from './run-cleanup.js';

const MINUTE = 60_000;
const row = instructionRow();
const lease = { instructionId: row.id, holder: 'me', fence: 1 };
const DONE: InstructionEnd = { status: 'succeeded', reason: null };
const unavailable = new DriverError('unavailable', 'unavailable');
const runnerFailure = new RunnerError('no space left');

describe('InstructionWorker', () => {
  const follow = jest.fn<InstructionFollower['follow']>();
  const finish = jest.fn<InstructionsRepository['finish']>();
  const stateChanged = jest.fn();
  const cleanup = { removeRun: jest.fn(async () => undefined), cancelRun: jest.fn(async () => undefined) };
  let clock: FakeClock;
  let events: DomainEvents;
  let stop: AbortController;
  let held: HeldInstruction;
  let worker: InstructionWorker;

  beforeEach(() => {
    follow.mockReset();
    finish
      .mockReset()
      .mockImplementation(async (_lease, { status, reason }) => ({ ...row, status, statusReason: reason }));
    for (const mock of [stateChanged, ...Object.values(cleanup)]) mock.mockClear();
    clock = new FakeClock();
    events = new DomainEvents(quietLogger());
    stop = new AbortController();
    held = new HeldInstruction(lease, row.containerId, stop.signal);
    worker = new InstructionWorker(
      { finish } as unknown as InstructionsRepository,
      { follow } as unknown as InstructionFollower,
      cleanup as unknown as RunCleanup,
      { stateChanged } as unknown as InstructionChanges,
      events,
      clock,
      quietLogger(),
    );
  });

  /** Advances the clock until the work ends or the minutes have passed. @returns whether it ended */
  async function endsWithin(running: Promise<void>, minutes = 10): Promise<boolean> {
    const state = { ended: false };
    void running.then(() => (state.ended = true));
    for (let step = 0; step < minutes * 240 && !state.ended; step++) await clock.advance(250);
    return state.ended;
  }

  it('stores the end of an instruction, reports it and removes its run', async () => {
    follow.mockResolvedValue(DONE);
    await worker.runToEnd(row, held);
    expect(finish).toHaveBeenCalledWith(lease, DONE);
    expect(stateChanged.mock.calls).toEqual([[row], [{ ...row, status: 'succeeded' }]]);
    expect(cleanup.removeRun).toHaveBeenCalledTimes(1);
  });

  it('reports no end that the database refused', async () => {
    follow.mockResolvedValue(DONE);
    finish.mockResolvedValue(null);
    await worker.runToEnd(row, held);
    expect([stateChanged.mock.calls.length, cleanup.removeRun.mock.calls.length]).toEqual([1, 0]);
  });

  it.each<[string, unknown]>([
    ['engine', unavailable],
    ['container', new DriverError('conflict', 'not running')],
    [
      'database',
      new DomainError('database_unavailable', 'unavailable', {
        cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
      }),
    ],
  ])('waits for an unavailable %s without a limit, with growing delays', async (_, error) => {
    follow.mockRejectedValue(error instanceof DomainError ? error.cause : error);
    const running = worker.runToEnd(row, held);
    await expect(endsWithin(running, 60)).resolves.toBe(false);
    expect(follow.mock.calls.length).toBeLessThan(60 * 12 + 10);
    follow.mockResolvedValue(DONE);
    await expect(endsWithin(running, 1)).resolves.toBe(true);
    expect(finish.mock.calls).toEqual([[lease, DONE]]);
  });

  it('starts the next attempt as soon as the container changes', async () => {
    follow.mockResolvedValueOnce(undefined).mockResolvedValueOnce(undefined).mockResolvedValue(DONE);
    const running = worker.runToEnd(row, held);
    await settled();
    expect(follow).toHaveBeenCalledTimes(1);
    events.emit('container.changed', { containerId: 'other', projectId: 'p' });
    await settled();
    expect(follow).toHaveBeenCalledTimes(1);
    events.emit('container.changed', { containerId: row.containerId, projectId: 'p' });
    await settled();
    expect(follow).toHaveBeenCalledTimes(2);
    await expect(endsWithin(running, 1)).resolves.toBe(true);
  });

  it('fails an instruction whose runner keeps failing, and cancels its run', async () => {
    follow.mockRejectedValue(runnerFailure);
    await expect(endsWithin(worker.runToEnd(row, held))).resolves.toBe(true);
    expect(finish.mock.calls).toEqual([
      [lease, { status: 'failed', reason: { code: 'runner_failed', message: 'no space left' } }],
    ]);
    expect(cleanup.cancelRun).toHaveBeenCalledTimes(1);
    expect(follow.mock.calls.length).toBeGreaterThan(10);
  });

  it('resets the failure count after a long attempt', async () => {
    let attempts = 0;
    follow.mockImplementation(async () => {
      attempts += 1;
      if (attempts % 5 === 0) await clock.sleep(MINUTE);
      throw runnerFailure;
    });
    await expect(endsWithin(worker.runToEnd(row, held), 60)).resolves.toBe(false);
    expect(attempts).toBeGreaterThan(40);
  });

  it('fails an instruction at once when the image has no runner', async () => {
    follow.mockRejectedValue(new DomainError('image_outdated', 'm'));
    await worker.runToEnd(row, held);
    expect(finish.mock.calls[0]![1]).toEqual({ status: 'failed', reason: { code: 'image_outdated', message: 'm' } });
  });

  it('hides the message of an unexpected error from the client', async () => {
    follow.mockRejectedValue(new TypeError('secret'));
    await expect(endsWithin(worker.runToEnd(row, held))).resolves.toBe(true);
    expect(finish.mock.calls[0]![1].reason).toEqual({
      code: 'internal_error',
      message: expect.not.stringContaining('secret'),
    });
  });

  it('writes no end for an instruction that another process holds', async () => {
    follow.mockRejectedValue(new LeaseLostError(row.id));
    await worker.runToEnd(row, held);
    expect(finish).not.toHaveBeenCalled();
  });

  it.each(['lease is lost', 'process stops'] as const)('returns without writing an end when the %s', async (how) => {
    follow.mockImplementation(async (_lease, signal) => {
      await clock.sleep(MINUTE, signal);
      throw new DriverError('aborted', 'aborted');
    });
    const running = worker.runToEnd(row, held);
    await settled();
    if (how === 'lease is lost') held.markLost();
    else stop.abort();
    await running;
    expect([finish.mock.calls.length, cleanup.cancelRun.mock.calls.length]).toEqual([0, 0]);
  });

  it('repeats an aborted attempt without counting a failure', async () => {
    const signals: AbortSignal[] = [];
    follow.mockImplementation(async (_lease, signal) => {
      signals.push(signal);
      if (signals.length > 30) return DONE;
      await clock.sleep(MINUTE, signal);
      throw runnerFailure;
    });
    const running = worker.runToEnd(row, held);
    for (let time = 0; time < 60; time++) {
      held.abortAttempt();
      await clock.advance(5_000);
    }
    await running;
    expect(finish.mock.calls).toEqual([[lease, DONE]]);
  });
});
