import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { snapshotRow } from '../../../test/support/rows.js';
import { DriverError } from '../../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import type { Presence } from '../../persistence/presence.js';
import type { SnapshotRow, SnapshotsRepository } from '../../persistence/snapshots/snapshots.repository.js';
import { SnapshotKeeper } from './snapshot-keeper.js';
import { SnapshotStore } from './snapshot-store.js';

describe('SnapshotKeeper', () => {
  let driver: FakeWorkspaceDriver;
  let rows: Map<string, SnapshotRow>;
  /** Ids of snapshots that containers still need. */
  let needed: Set<string>;
  let store: SnapshotStore;
  let keeper: SnapshotKeeper;

  const add = (changes: Partial<SnapshotRow>): string => {
    const row = snapshotRow({ state: 'ready', purpose: 'fork', holder: 'dead', bytes: 1, pausedMs: 1, ...changes });
    rows.set(row.id, row);
    driver.snapshots.set(row.id, row.containerId);
    return row.id;
  };
  const isThere = (id: string): boolean[] => [rows.has(id), driver.snapshots.has(id)];

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    [rows, needed] = [new Map(), new Set()];
    const repository = {
      insert: async (row: SnapshotRow) => void rows.set(row.id, row),
      listUnsettled: async () =>
        [...rows.values()].filter(({ state, purpose }) => state !== 'ready' || purpose === 'fork'),
      end: async (id: string) => {
        if (needed.has(id)) return 'in_use';
        rows.set(id, { ...rows.get(id)!, state: 'ending' });
        return 'ending';
      },
      forget: async (id: string) => void rows.delete(id),
    } as unknown as SnapshotsRepository;
    const presence = { holder: 'me', hasEnded: async (holder: string) => holder === 'dead' } as unknown as Presence;
    store = new SnapshotStore(repository, driver, presence);
    keeper = new SnapshotKeeper(repository, store, driver, new FakeClock(), quietLogger());
  });

  it('removes what a process was making that has died, and lets the container go on', async () => {
    const ref = driver.run({ id: randomUUID() });
    await driver.pause(ref);
    const dead = add({ state: 'making', purpose: 'kept', containerId: ref.id });
    const alive = add({ state: 'making', purpose: 'kept', holder: 'another' });
    const own = add({ state: 'making', purpose: 'kept', holder: 'me' });
    await keeper.keep();
    expect([dead, alive, own].map(isThere)).toEqual([
      [false, false],
      [true, true],
      [true, true],
    ]);
    expect(driver.require(ref.id).state).toBe('running');
  });

  it('removes what is half removed, and keeps what is complete', async () => {
    const [ending, kept] = [add({ state: 'ending' }), add({ purpose: 'kept' })];
    await keeper.keep();
    expect([ending, kept].map(isThere)).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  it('removes the snapshot of copies once they are stored, and none of them needs it any more', async () => {
    const { holder: _, ...row } = {
      ...rows.get(add({}))!,
      id: randomUUID(),
      containerId: 'c',
      state: 'making' as const,
    };
    const { id } = await store.begin(row);
    rows.set(id, { ...rows.get(id)!, state: 'ready' });
    driver.snapshots.set(id, 'c');
    needed.add(id);
    await keeper.keep();
    store.release(id);
    await keeper.keep();
    expect(isThere(id)).toEqual([true, true]);
    needed.clear();
    await keeper.keep();
    expect(isThere(id)).toEqual([false, false]);
  });

  it('goes on to the others when one cannot be removed', async () => {
    const [first, second] = [add({ state: 'ending' }), add({ state: 'ending' })];
    driver.faults.failNext('removeSnapshot', new DriverError('failed', 'no'));
    await keeper.keep();
    await keeper.keep();
    expect([first, second].map(isThere)).toEqual([
      [false, false],
      [false, false],
    ]);
  });
});
