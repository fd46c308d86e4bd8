import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow, jobRow } from '../../../test/support/rows.js';
import type { ContainerRow, ContainersRepository, JobRow } from '../../persistence/containers/containers.repository.js';
import type { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import type { ContainerLeases, HeldContainerLease } from '../../leases/container-leases.js';
import { ContainerReconciliation } from './container-reconciliation.js';
import type { ContainerRepairs } from './container-repairs.js';

const held: HeldContainerLease = {
  lease: { containerId: 'x', holder: 'me', fence: 1 },
  signal: new AbortController().signal,
};

describe('ContainerReconciliation', () => {
  let driver: FakeWorkspaceDriver;
  let rows: ContainerRow[];
  let job: JobRow | null;
  /** Whether the lease is free. */
  let free: boolean;
  const wake = jest.fn<ContainerRepairs['wake']>();
  const repair = jest.fn<ContainerRepairs['repair']>();
  const keepStopped = jest.fn<ContainerRepairs['keepStopped']>();
  let reconciliation: ContainerReconciliation;

  beforeEach(() => {
    for (const mock of [wake, repair, keepStopped]) mock.mockReset();
    driver = new FakeWorkspaceDriver();
    rows = [];
    job = null;
    free = true;
    const containers = {
      listAll: async () => rows,
      findById: async (id: string) => rows.find((row) => row.id === id) ?? null,
    };
    const leases = {
      tryWithLease: async (_id: string, work: (given: HeldContainerLease) => Promise<unknown>) =>
        free ? work(held) : undefined,
    };
    reconciliation = new ContainerReconciliation(
      containers as unknown as ContainersRepository,
      { findById: async () => job } as unknown as JobsRepository,
      leases as unknown as ContainerLeases,
      driver,
      { wake, repair, keepStopped } as unknown as ContainerRepairs,
      new FakeClock(),
      quietLogger(),
    );
  });

  async function container(overrides: Partial<ContainerRow>, state?: 'running' | 'exited'): Promise<ContainerRow> {
    const row = containerRow(overrides);
    rows.push(row);
    if (state === undefined) return row;
    driver.run({ id: row.id });
    if (state === 'exited') driver.exit(row.id, 1);
    return row;
  }

  const changes = (): number => [wake, repair, keepStopped].reduce((sum, mock) => sum + mock.mock.calls.length, 0);

  it('changes nothing where row and engine agree', async () => {
    await container({ status: 'running' }, 'running');
    await container({ status: 'stopped', desiredRunning: false }, 'exited');
    await reconciliation.reconcileAll(true);
    expect(changes()).toBe(0);
  });

  it('marks containers that vanished, exited or run', async () => {
    const vanished = await container({ status: 'running' });
    const ended = await container({ status: 'running' }, 'exited');
    const runs = await container({ status: 'stopped', desiredRunning: false }, 'running');
    await reconciliation.reconcileAll(false);
    expect(repair.mock.calls).toEqual([
      [{ do: 'mark', status: 'missing', reason: expect.objectContaining({ code: 'vanished' }) }, vanished, held],
      [{ do: 'mark', status: 'stopped', reason: expect.objectContaining({ code: 'exited' }) }, ended, held],
      [{ do: 'mark', status: 'running', reason: null }, runs, held],
    ]);
  });

  it('rejects and changes nothing when the engine does not answer', async () => {
    await container({ status: 'running' });
    driver.faults.goAway();
    await expect(reconciliation.reconcileAll(true)).rejects.toMatchObject({ code: 'unavailable' });
    expect(changes()).toBe(0);
  });

  it.each(['unavailable', 'failed', 'invalid', 'conflict'] as const)(
    'changes nothing about a container when the engine answers "%s", and goes on with the next',
    async (code) => {
      await container({ status: 'running' }, 'running');
      const next = await container({ status: 'running' });
      driver.faults.failNext('observe', new DriverError(code, 'x'));
      await reconciliation.reconcileAll(false);
      expect(repair.mock.calls.map(([{ do: done }, { id }]) => [done, id])).toEqual([['mark', next.id]]);
    },
  );

  it('skips containers whose lease is held', async () => {
    const future = new Date('2030-01-01');
    await container({ status: 'running', leaseHolder: 'other', leaseExpiresAt: future });
    await container({ status: 'creating', leaseHolder: 'other', leaseExpiresAt: future });
    await reconciliation.reconcileAll(true);
    free = false;
    await container({ status: 'running' });
    await reconciliation.reconcileAll(true);
    expect(changes()).toBe(0);
  });

  it('reconciles containers whose lease has expired', async () => {
    const row = await container({ status: 'running', leaseHolder: 'dead', leaseExpiresAt: new Date('2020-01-01') });
    await reconciliation.reconcileAll(false);
    expect(repair.mock.calls.map(([decision, { id }]) => [decision, id])).toEqual([
      [expect.objectContaining({ do: 'mark', status: 'missing' }), row.id],
    ]);
  });

  it("wakes a job without taking the container's lease", async () => {
    free = false;
    const row = await container({ status: 'creating', jobId: 'j' });
    job = jobRow(row);
    await reconciliation.reconcileAll(true);
    expect(wake).toHaveBeenCalledWith(row);
    expect(repair).not.toHaveBeenCalled();
  });

  it.each([
    ['reprovision', { status: 'queued', jobId: null }, undefined],
    ['finish-removal', { status: 'deleting' }, 'running'],
    ['finish-stop', { status: 'stopping' }, 'running'],
    ['restart', { status: 'running' }, 'exited'],
  ] as const)('decides on %s', async (what, overrides, state) => {
    const row = await container(overrides, state);
    await reconciliation.reconcileAll(true);
    expect(repair.mock.calls.map(([{ do: done }, { id }]) => [done, id])).toEqual([[what, row.id]]);
  });

  it('keeps a container stopped that exited while the engine was available', async () => {
    const row = await container(
      { status: 'stopped', desiredRunning: true, updatedAt: new Date('2026-01-01') },
      'exited',
    );
    await container({ status: 'stopped', desiredRunning: true, updatedAt: new FakeClock().now() }, 'exited');
    await reconciliation.reconcileAll(false);
    expect(keepStopped.mock.calls).toEqual([[row, held.lease]]);
  });

  it('reconciles a single container', async () => {
    const row = await container({ status: 'running' });
    await container({ status: 'running' });
    await reconciliation.reconcileOne(row.id);
    await reconciliation.reconcileOne('nobody');
    expect(repair.mock.calls.map(([, { id }]) => id)).toEqual([row.id]);
  });
});
