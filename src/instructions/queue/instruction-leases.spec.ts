import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { instructionRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import type {
  InstructionRow,
  InstructionsRepository,
  RenewedLease,
} from '../../persistence/instructions/instructions.repository.js';
import type { Presence } from '../../persistence/presence.js';
import { LEASE_TTL_MS } from '../../leases/lease-keeper.js';
import { type HeldInstruction, InstructionLeases } from './instruction-leases.js';

const RENEW_INTERVAL_MS = 5_000;

describe('InstructionLeases', () => {
  const renew = jest.fn<InstructionsRepository['renew']>();
  const release = jest.fn<InstructionsRepository['release']>();
  let clock: FakeClock;
  let events: DomainEvents;
  let leases: InstructionLeases;
  let stop: AbortController;

  beforeEach(() => {
    renew.mockReset().mockImplementation(async (given) => given.map((lease) => ({ lease, cancelRequested: false })));
    release.mockReset().mockResolvedValue();
    clock = new FakeClock();
    events = new DomainEvents(quietLogger());
    stop = new AbortController();
    const repository = { renew, release } as unknown as InstructionsRepository;
    leases = new InstructionLeases(repository, {} as Presence, events, clock, quietLogger());
    leases.onApplicationBootstrap();
  });
  afterEach(() => leases.onModuleDestroy());

  const leaseOf = (row: InstructionRow) => ({ instructionId: row.id, holder: 'me', fence: 1 });
  /** Holds an instruction until `end` is called. */
  function hold(row = instructionRow()): { row: InstructionRow; held: HeldInstruction; end: () => Promise<void> } {
    const { promise, resolve } = Promise.withResolvers<void>();
    let held: HeldInstruction | undefined;
    const working = leases.hold({ row, lease: leaseOf(row) }, stop.signal, (each) => {
      held = each;
      return promise;
    });
    return { row, held: held!, end: async () => (resolve(), working) };
  }

  it('renews all held leases with one statement', async () => {
    const [one, two] = [hold(), hold()];
    await clock.advance(RENEW_INTERVAL_MS);
    expect(renew.mock.calls).toEqual([[[leaseOf(one.row), leaseOf(two.row)], LEASE_TTL_MS]]);
    await one.end();
    expect(release.mock.calls).toEqual([[leaseOf(one.row)]]);
    await clock.advance(RENEW_INTERVAL_MS);
    expect(renew.mock.calls[1]).toEqual([[leaseOf(two.row)], LEASE_TTL_MS]);
    await two.end();
  });

  it('aborts only the instructions whose lease is lost', async () => {
    const [one, two, three] = [hold(), hold(), hold()];
    renew.mockResolvedValue([
      { lease: leaseOf(two.row), cancelRequested: false },
      { lease: { ...leaseOf(three.row), fence: 2 }, cancelRequested: false },
    ]);
    await clock.advance(RENEW_INTERVAL_MS);
    expect([one, two, three].map(({ held: each }) => each.signal.aborted)).toEqual([true, false, true]);
    for (const each of [one, two, three]) await each.end();
  });

  it('keeps instructions while their leases cannot be renewed', async () => {
    const one = hold();
    renew.mockRejectedValue(new Error('unavailable'));
    await clock.advance(RENEW_INTERVAL_MS);
    await clock.advance(RENEW_INTERVAL_MS);
    expect(renew).toHaveBeenCalledTimes(2);
    expect(one.held.signal.aborted).toBe(false);
    await one.end();
  });

  it('aborts one attempt for a requested cancellation', async () => {
    const one = hold();
    const first = one.held.beginAttempt();
    renew.mockImplementation(async (given) => given.map((lease): RenewedLease => ({ lease, cancelRequested: true })));
    await clock.advance(RENEW_INTERVAL_MS);
    expect([first.aborted, one.held.signal.aborted]).toEqual([true, false]);
    const second = one.held.beginAttempt();
    await clock.advance(RENEW_INTERVAL_MS);
    expect(second.aborted).toBe(false);
    await one.end();
  });

  it('aborts the instructions of a container that is being deleted', async () => {
    const [one, two] = [hold(), hold()];
    events.emit('container.deleting', { containerId: one.row.containerId });
    await settled();
    expect([one, two].map(({ held: each }) => each.signal.aborted)).toEqual([true, false]);
    for (const each of [one, two]) await each.end();
  });

  it('aborts attempts, and not the instructions, when the engine becomes unavailable', async () => {
    const one = hold();
    const attempt = one.held.beginAttempt();
    events.emit('engine.unavailable', { reason: 'x' });
    await settled();
    expect([attempt.aborted, one.held.signal.aborted, one.held.beginAttempt().aborted]).toEqual([true, false, false]);
    await one.end();
  });

  it('aborts an instruction and releases its lease at shutdown', async () => {
    const one = hold();
    const attempt = one.held.beginAttempt();
    stop.abort();
    expect([attempt.aborted, one.held.signal.aborted]).toEqual([true, true]);
    await one.end();
    expect(release).toHaveBeenCalledTimes(1);
  });
});
