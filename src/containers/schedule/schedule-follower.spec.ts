import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import { DriverError } from '../../drivers/driver-error.js';
import type { ContainerLeases } from '../../leases/container-leases.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { ContainerObservations } from '../activity/container-observations.js';
import type { ContainerPower } from '../lifecycle/container-power.js';
import type { ReprovisionService } from '../lifecycle/reprovision.service.js';
import { ScheduleFollower } from './schedule-follower.js';

const SCHEDULE = { start: '0 8 * * *', stop: '0 19 * * *', timeZone: 'UTC' };
const at = (time: string): Date => new Date(`2026-01-0${time}:00Z`);

describe('ScheduleFollower', () => {
  let row: ContainerRow;
  let now: Date;
  let isWorking: boolean;
  let failure: Error | undefined;
  /** What was done, in order. */
  let done: string[];
  let follower: ScheduleFollower;

  beforeEach(() => {
    [now, isWorking, failure, done] = [at('2T12:00'), false, undefined, []];
    row = containerRow({ schedule: SCHEDULE, status: 'running', updatedAt: now });
    const containers = {
      listScheduled: async (by: Date) =>
        row.schedule !== null && (row.scheduleNextAt === null || row.scheduleNextAt <= by) ? [row] : [],
      findById: async () => row,
      settleSchedule: async (_: string, from: Date | null, to: Date) => {
        if (row.scheduleNextAt?.getTime() !== from?.getTime()) return false;
        row = { ...row, scheduleNextAt: to };
        return true;
      },
    };
    const power = {
      start: async () => {
        if (failure !== undefined) throw failure;
        done.push('start');
        row = { ...row, status: 'running' };
      },
      stopFor: async (_: string, reason: { code: string }) => {
        done.push(`stop: ${reason.code}`);
        row = { ...row, status: 'stopped' };
      },
    };
    const leases = { tryWithLease: async (_: string, work: (held: object) => Promise<void>) => work({ lease: {} }) };
    const clock = Object.assign(new FakeClock(), { now: () => now });
    follower = new ScheduleFollower(
      containers as unknown as ContainersRepository,
      { isWorking: async () => isWorking } as unknown as ContainerObservations,
      leases as unknown as ContainerLeases,
      power as unknown as ContainerPower,
      { begin: async () => void done.push('reprovision') } as unknown as ReprovisionService,
      clock,
      quietLogger(),
    );
  });

  const checkAt = async (time: string): Promise<string[]> => {
    now = at(time);
    await follower.check();
    return done.splice(0);
  };

  it('does what the schedule asks for, each once', async () => {
    expect(await checkAt('2T12:00')).toEqual([]);
    expect(await checkAt('2T18:59')).toEqual([]);
    expect(await checkAt('2T19:00')).toEqual(['stop: schedule']);
    row = { ...row, status: 'running' };
    expect(await checkAt('2T19:01')).toEqual([]);
    row = { ...row, status: 'stopped' };
    expect(await checkAt('3T08:00')).toEqual(['start']);
    expect(await checkAt('3T08:01')).toEqual([]);
  });

  it('does the latest alone of what has come meanwhile', async () => {
    await checkAt('2T12:00');
    expect(await checkAt('5T09:00')).toEqual([]);
    expect(row.scheduleNextAt).toEqual(at('5T19:00'));
    row = { ...row, status: 'stopped', scheduleNextAt: at('2T19:00') };
    expect(await checkAt('5T09:00')).toEqual(['start']);
    row = { ...row, scheduleNextAt: at('3T08:00') };
    expect(await checkAt('5T20:00')).toEqual(['stop: schedule']);
  });

  it('stops a container once its work has ended, unless it is to run again by then', async () => {
    await checkAt('2T12:00');
    isWorking = true;
    expect(await checkAt('2T19:00')).toEqual([]);
    expect(await checkAt('2T23:00')).toEqual([]);
    isWorking = false;
    expect(await checkAt('2T23:30')).toEqual(['stop: schedule']);
    row = { ...row, status: 'running', scheduleNextAt: at('3T19:00') };
    isWorking = true;
    expect(await checkAt('3T19:00')).toEqual([]);
    isWorking = false;
    expect(await checkAt('4T08:00')).toEqual([]);
    expect(row.scheduleNextAt).toEqual(at('4T19:00'));
  });

  it('tries again while the engine is away or the container is being made, and gives up what fails', async () => {
    await checkAt('2T12:00');
    row = { ...row, status: 'stopped', scheduleNextAt: at('3T08:00') };
    failure = new DriverError('unavailable', 'away');
    expect(await checkAt('3T08:00')).toEqual([]);
    failure = undefined;
    row = { ...row, status: 'stopping' };
    expect(await checkAt('3T08:01')).toEqual([]);
    row = { ...row, status: 'stopped' };
    expect(await checkAt('3T08:02')).toEqual(['start']);
    row = { ...row, status: 'stopped', scheduleNextAt: at('4T08:00') };
    failure = new Error('no quota');
    expect(await checkAt('4T08:00')).toEqual([]);
    failure = undefined;
    expect(await checkAt('4T08:01')).toEqual([]);
  });

  it('provisions one again whose repository was not cloned', async () => {
    row = { ...row, status: 'stopped', workspaceReady: false, scheduleNextAt: at('3T08:00') };
    expect(await checkAt('3T08:00')).toEqual(['reprovision']);
  });

  it('does nothing when the schedule was followed or changed meanwhile', async () => {
    await checkAt('2T12:00');
    const followed = { ...row, scheduleNextAt: at('3T08:00') };
    Object.assign(follower, {
      leases: {
        tryWithLease: async (_: string, work: (held: object) => Promise<void>) => {
          row = followed;
          await work({ lease: {} });
        },
      },
    });
    expect(await checkAt('2T19:00')).toEqual([]);
    expect(row).toBe(followed);
  });
});
