import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { instructionRow } from '../../../test/support/rows.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { InstructionEnd, InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import { RunnerError } from '../runner/runner-client.js';
import { LeaseLostError } from '../follow/event-writer.js';
import { HeldInstruction } from './instruction-leases.js';
import type { InstructionFollower } from '../follow/instruction-follower.js';
import { InstructionWorker } from './instruction-worker.js';
import type { RunCleanup } from './run-cleanup.js';

const MINUTE = 60_000;
const row = instructionRow();
const lease = { instructionId: row.id, holder: 'me', fence: 1 };
const DONE: InstructionEnd = { status: 'succeeded', reason: null };
const away = new DriverError('unavailable', 'away');
const broken = new RunnerError('failed', 'no space left');

describe('InstructionRun', () => {
  const follow = jest.fn<InstructionFollower['follow']>();
  const finish = jest.fn<InstructionsRepository['finish']>();
  const after = {
    changed: jest.fn(),
    cleanUp: jest.fn(async () => undefined),
    abandon: jest.fn(async () => undefined),
  };
  let clock: FakeClock;
  let events: DomainEvents;
  let stop: AbortController;
  let holding: HeldInstruction;
  let run: InstructionWorker;

  beforeEach(() => {
    follow.mockReset();
    finish
      .mockReset()
      .mockImplementation(async (_lease, { status, reason }) => ({ ...row, status, statusReason: reason }));
    for (const mock of Object.values(after)) mock.mockClear();
    clock = new FakeClock();
    events = new DomainEvents(quietLogger());
    stop = new AbortController();
    holding = new HeldInstruction(lease, row.containerId, stop.signal);
    run = new InstructionWorker(
      { finish } as unknown as InstructionsRepository,
      { follow } as unknown as InstructionFollower,
      after as unknown as RunCleanup,
      events,
      clock,
      quietLogger(),
    );
  });

  /** Moves time on until it has ended, or so many minutes have passed. */
  async function through(running: Promise<void>, minutes = 10): Promise<boolean> {
    const end = { reached: false };
    void running.then(() => (end.reached = true));
    for (let step = 0; step < minutes * 240 && !end.reached; step++) await clock.advance(250);
    return end.reached;
  }

  it('writes how it ended, tells of it, and clears up', async () => {
    follow.mockResolvedValue(DONE);
    await run.toItsEnd(row, holding);
    expect(finish).toHaveBeenCalledWith(lease, DONE);
    expect(after.changed.mock.calls).toEqual([[row], [{ ...row, status: 'succeeded' }]]);
    expect(after.cleanUp).toHaveBeenCalledTimes(1);
  });

  it('tells nothing of an end that was refused', async () => {
    follow.mockResolvedValue(DONE);
    finish.mockResolvedValue(null);
    await run.toItsEnd(row, holding);
    expect([after.changed.mock.calls.length, after.cleanUp.mock.calls.length]).toEqual([1, 0]);
  });

  it.each<[string, unknown]>([
    ['the engine', away],
    ['the container', new DriverError('conflict', 'not running')],
    [
      'the database',
      new DomainError('database_unavailable', 'away', {
        cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
      }),
    ],
  ])('waits for as long as %s is away, less and less often', async (_, error) => {
    follow.mockRejectedValue(error instanceof DomainError ? error.cause : error);
    const running = run.toItsEnd(row, holding);
    await expect(through(running, 60)).resolves.toBe(false);
    expect(follow.mock.calls.length).toBeLessThan(60 * 12 + 10);
    follow.mockResolvedValue(DONE);
    await expect(through(running, 1)).resolves.toBe(true);
    expect(finish.mock.calls).toEqual([[lease, DONE]]);
  });

  it('takes up again what has to wait, as soon as its container changes', async () => {
    follow.mockResolvedValueOnce(undefined).mockResolvedValueOnce(undefined).mockResolvedValue(DONE);
    const running = run.toItsEnd(row, holding);
    await settled();
    expect(follow).toHaveBeenCalledTimes(1);
    events.emit('container.changed', { containerId: 'another', ownerId: 'admin' });
    await settled();
    expect(follow).toHaveBeenCalledTimes(1);
    events.emit('container.changed', { containerId: row.containerId, ownerId: 'admin' });
    await settled();
    expect(follow).toHaveBeenCalledTimes(2);
    await expect(through(running, 1)).resolves.toBe(true);
  });

  it('fails when the runner does, again and again, and leaves nothing running', async () => {
    follow.mockRejectedValue(broken);
    await expect(through(run.toItsEnd(row, holding))).resolves.toBe(true);
    expect(finish.mock.calls).toEqual([
      [lease, { status: 'failed', reason: { code: 'runner_failed', message: 'no space left' } }],
    ]);
    expect(after.abandon).toHaveBeenCalledTimes(1);
    expect(follow.mock.calls.length).toBeGreaterThan(10);
  });

  it('counts anew after it went well for a while', async () => {
    let attempts = 0;
    follow.mockImplementation(async () => {
      attempts += 1;
      if (attempts % 5 === 0) await clock.sleep(MINUTE);
      throw broken;
    });
    await expect(through(run.toItsEnd(row, holding), 60)).resolves.toBe(false);
    expect(attempts).toBeGreaterThan(40);
  });

  it('fails at once when the image has no runner', async () => {
    follow.mockRejectedValue(new RunnerError('missing', 'm'));
    await run.toItsEnd(row, holding);
    expect(finish.mock.calls[0]![1]).toEqual({ status: 'failed', reason: { code: 'image_outdated', message: 'm' } });
  });

  it('says no more than that it is a fault of its own when it is', async () => {
    follow.mockRejectedValue(new TypeError('secret'));
    await expect(through(run.toItsEnd(row, holding))).resolves.toBe(true);
    expect(finish.mock.calls[0]![1].reason).toEqual({
      code: 'internal_error',
      message: expect.not.stringContaining('secret'),
    });
  });

  it('leaves alone what is somebody else’s by now', async () => {
    follow.mockRejectedValue(new LeaseLostError(row.id));
    await run.toItsEnd(row, holding);
    expect(finish).not.toHaveBeenCalled();
  });

  it.each(['lose', 'stop'] as const)('ends when it is to %s, and writes nothing', async (how) => {
    follow.mockImplementation(async (_lease, signal) => {
      await clock.sleep(MINUTE, signal);
      throw new DriverError('aborted', 'given up');
    });
    const running = run.toItsEnd(row, holding);
    await settled();
    if (how === 'lose') holding.lose();
    else stop.abort();
    await running;
    expect([finish.mock.calls.length, after.abandon.mock.calls.length]).toEqual([0, 0]);
  });

  it('makes an attempt anew that was broken off for that, without counting it', async () => {
    const signals: AbortSignal[] = [];
    follow.mockImplementation(async (_lease, signal) => {
      signals.push(signal);
      if (signals.length > 30) return DONE;
      await clock.sleep(MINUTE, signal);
      throw broken;
    });
    const running = run.toItsEnd(row, holding);
    for (let time = 0; time < 60; time++) {
      holding.again();
      await clock.advance(5_000);
    }
    await running;
    expect(finish.mock.calls).toEqual([[lease, DONE]]);
  });
});
