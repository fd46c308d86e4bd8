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
import { InstructionLeases, type HeldInstruction, LEASE_MS } from './instruction-leases.js';

const RENEW_EVERY_MS = 5_000;

describe('HeldInstructions', () => {
  const renew = jest.fn<InstructionsRepository['renew']>();
  const release = jest.fn<InstructionsRepository['release']>();
  let clock: FakeClock;
  let events: DomainEvents;
  let held: InstructionLeases;
  let stop: AbortController;

  beforeEach(() => {
    renew.mockReset().mockImplementation(async (leases) => leases.map((lease) => ({ lease, cancelRequested: false })));
    release.mockReset().mockResolvedValue();
    clock = new FakeClock();
    events = new DomainEvents(quietLogger());
    stop = new AbortController();
    held = new InstructionLeases({ renew, release } as unknown as InstructionsRepository, events, clock, quietLogger());
    held.onApplicationBootstrap();
  });
  afterEach(() => held.onModuleDestroy());

  const leaseOf = (row: InstructionRow) => ({ instructionId: row.id, holder: 'me', fence: 1 });
  /** Holds it until `end` is called. */
  function holding(row = instructionRow()): { row: InstructionRow; held: HeldInstruction; end: () => Promise<void> } {
    const { promise, resolve } = Promise.withResolvers<void>();
    let given: HeldInstruction | undefined;
    const working = held.hold({ row, lease: leaseOf(row) }, stop.signal, (each) => {
      given = each;
      return promise;
    });
    return { row, held: given!, end: async () => (resolve(), working) };
  }

  it('keeps all leases with one statement, as long as they are held', async () => {
    const [one, two] = [holding(), holding()];
    await clock.advance(RENEW_EVERY_MS);
    expect(renew.mock.calls).toEqual([[[leaseOf(one.row), leaseOf(two.row)], LEASE_MS]]);
    await one.end();
    expect(release.mock.calls).toEqual([[leaseOf(one.row)]]);
    await clock.advance(RENEW_EVERY_MS);
    expect(renew.mock.calls[1]).toEqual([[leaseOf(two.row)], LEASE_MS]);
    await two.end();
  });

  it('tells those whose lease is lost, and no other', async () => {
    const [one, two, three] = [holding(), holding(), holding()];
    renew.mockResolvedValue([
      { lease: leaseOf(two.row), cancelRequested: false },
      { lease: { ...leaseOf(three.row), fence: 2 }, cancelRequested: false },
    ]);
    await clock.advance(RENEW_EVERY_MS);
    expect([one, two, three].map(({ held: each }) => each.signal.aborted)).toEqual([true, false, true]);
    for (const each of [one, two, three]) await each.end();
  });

  it('keeps what it has while the database is away', async () => {
    const one = holding();
    renew.mockRejectedValue(new Error('away'));
    await clock.advance(RENEW_EVERY_MS);
    await clock.advance(RENEW_EVERY_MS);
    expect(renew).toHaveBeenCalledTimes(2);
    expect(one.held.signal.aborted).toBe(false);
    await one.end();
  });

  it('passes a cancellation on once', async () => {
    const one = holding();
    const first = one.held.begin();
    renew.mockImplementation(async (leases) => leases.map((lease): RenewedLease => ({ lease, cancelRequested: true })));
    await clock.advance(RENEW_EVERY_MS);
    expect([first.aborted, one.held.signal.aborted]).toEqual([true, false]);
    const second = one.held.begin();
    await clock.advance(RENEW_EVERY_MS);
    expect(second.aborted).toBe(false);
    await one.end();
  });

  it('lets go of those whose container is being deleted', async () => {
    const [one, two] = [holding(), holding()];
    events.emit('container.deleting', { containerId: one.row.containerId });
    await settled();
    expect([one, two].map(({ held: each }) => each.signal.aborted)).toEqual([true, false]);
    for (const each of [one, two]) await each.end();
  });

  it('breaks attempts off when the engine is away', async () => {
    const one = holding();
    const attempt = one.held.begin();
    events.emit('engine.unavailable', { reason: 'x' });
    await settled();
    expect([attempt.aborted, one.held.signal.aborted, one.held.begin().aborted]).toEqual([true, false, false]);
    await one.end();
  });

  it('lets go of everything when the process ends', async () => {
    const one = holding();
    const attempt = one.held.begin();
    stop.abort();
    expect([attempt.aborted, one.held.signal.aborted]).toEqual([true, true]);
    await one.end();
    expect(release).toHaveBeenCalledTimes(1);
  });
});
