import { beforeEach, describe, expect, it } from '@jest/globals';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import type { Clock } from '../../common/time/clock.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import type { ContainerLeases } from '../../leases/container-leases.js';
import type { ContainerPower } from '../lifecycle/container-power.js';
import { DiskGuard } from './disk-guard.js';
import { DiskUsage } from '../../usage/disk-usage.js';

const MIB = 1024 * 1024;
const rowOf = (id: string, status = 'running'): ContainerRow =>
  ({ id, runtimeId: id, status, diskLimit: 100 }) as ContainerRow;

let rows: ContainerRow[];
let usedBytes: Map<string, Promise<number>>;
let asked: string[];
let stopped: string[];
let disk: DiskUsage;
let guard: DiskGuard;

beforeEach(() => {
  rows = [];
  usedBytes = new Map();
  asked = [];
  stopped = [];
  const driver = {
    diskBytes: async ({ id }: WorkspaceRef) => {
      asked.push(id);
      return MIB / 2 + ((await usedBytes.get(id)) ?? 0);
    },
  };
  disk = new DiskUsage(driver as unknown as WorkspaceDriver);
  const leases = { tryWithLease: async (_: string, work: (held: object) => Promise<void>) => work({ lease: {} }) };
  const power = { stopFor: async (id: string) => void stopped.push(id) };
  guard = new DiskGuard(
    { listAll: async () => rows } as unknown as ContainersRepository,
    disk,
    leases as unknown as ContainerLeases,
    power as unknown as ContainerPower,
    {} as Clock,
    quietLogger(),
  );
});

/** Lets everything go on that waits for nothing but itself. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const never = new Promise<never>(() => undefined);

describe('DiskGuard', () => {
  it('measures running containers, and stops those above their limit', async () => {
    rows = [rowOf('small'), rowOf('large'), rowOf('stopped', 'stopped')];
    usedBytes.set('small', Promise.resolve(99.5 * MIB)).set('large', Promise.resolve(100 * MIB));
    await guard.check();
    expect(['small', 'large', 'stopped'].map((id) => disk.last(id))).toEqual([100, 101, undefined]);
    expect(stopped).toEqual(['large']);
  });

  it('does not wait for a measurement that hangs, and does not repeat it', async () => {
    rows = Array.from({ length: 12 }, (_, at) => rowOf(`c${at}`));
    for (const { id } of rows) usedBytes.set(id, id === 'c0' ? never : Promise.resolve(MIB));
    void guard.check();
    await settle();
    expect(rows.map(({ id }) => disk.last(id))).toEqual([undefined, ...Array.from({ length: 11 }, () => 2)]);
    void guard.check();
    await settle();
    expect(asked.filter((id) => id === 'c0')).toHaveLength(1);
  });

  it('measures two containers at a time', async () => {
    rows = Array.from({ length: 12 }, (_, at) => rowOf(`c${at}`));
    const walks = rows.map(() => Promise.withResolvers<number>());
    for (const [at, { id }] of rows.entries()) usedBytes.set(id, walks[at]!.promise);
    const checking = guard.check();
    await settle();
    expect(asked).toHaveLength(2);
    walks[1]!.resolve(MIB);
    await settle();
    expect(asked).toHaveLength(3);
    for (const { resolve } of walks) resolve(MIB);
    await checking;
    expect(asked).toHaveLength(12);
  });

  it('continues after a measurement that fails', async () => {
    rows = [rowOf('broken'), rowOf('well')];
    usedBytes.set('broken', Promise.reject(new Error('no such process')));
    await guard.check();
    expect([disk.last('broken'), disk.last('well')]).toEqual([undefined, 1]);
  });
});

describe('DiskUsage', () => {
  it('does not keep the value of a container that was removed meanwhile', async () => {
    const walk = Promise.withResolvers<number>();
    usedBytes.set('a', walk.promise);
    const measured = disk.measure(rowOf('a'));
    disk.forget('a');
    walk.resolve(MIB);
    await expect(measured).resolves.toBe(2);
    expect(disk.last('a')).toBeUndefined();
  });
});
