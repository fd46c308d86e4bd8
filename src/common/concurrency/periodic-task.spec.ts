import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { PeriodicTask, type PeriodicTaskOptions } from './periodic-task.js';

const INTERVAL_MS = 1_000;

describe('PeriodicTask', () => {
  let clock: FakeClock;
  let runs: PromiseWithResolvers<void>[];
  let errors: unknown[];

  beforeEach(() => {
    clock = new FakeClock();
    runs = [];
    errors = [];
  });

  const task = (options: Partial<PeriodicTaskOptions> = {}): PeriodicTask =>
    new PeriodicTask(
      clock,
      () => {
        const run = Promise.withResolvers<void>();
        runs.push(run);
        return run.promise;
      },
      { intervalMs: INTERVAL_MS, onError: (error) => errors.push(error), ...options },
    );
  const endRun = async (): Promise<void> => {
    runs.at(-1)!.resolve();
    await settled();
  };

  it('runs first after one interval, and one interval after the end of each run', async () => {
    const periodic = task();
    periodic.start();
    await clock.advance(INTERVAL_MS - 1);
    expect(runs).toHaveLength(0);
    await clock.advance(1);
    expect(runs).toHaveLength(1);
    await clock.advance(10 * INTERVAL_MS);
    expect(runs).toHaveLength(1);
    await endRun();
    await clock.advance(INTERVAL_MS);
    expect(runs).toHaveLength(2);
  });

  it('runs first at the start when it is immediate', async () => {
    task({ immediate: true }).start();
    expect(runs).toHaveLength(1);
  });

  it('runs once per interval however often it is started', async () => {
    const periodic = task({ immediate: true });
    periodic.start();
    periodic.start();
    expect(runs).toHaveLength(1);
  });

  it('runs at once when it is triggered between two runs', async () => {
    const periodic = task({ immediate: true });
    periodic.start();
    await endRun();
    periodic.trigger();
    periodic.trigger();
    await settled();
    expect(runs).toHaveLength(2);
    await endRun();
    expect(runs).toHaveLength(2);
  });

  it('runs once more after a run during which it is triggered', async () => {
    const periodic = task({ immediate: true });
    periodic.start();
    periodic.trigger();
    periodic.trigger();
    await settled();
    expect(runs).toHaveLength(1);
    await endRun();
    expect(runs).toHaveLength(2);
    await endRun();
    expect(runs).toHaveLength(2);
  });

  it('reports the error of a run and goes on', async () => {
    const periodic = task({ immediate: true });
    periodic.start();
    runs[0]!.reject(new Error('broken'));
    await settled();
    expect(errors).toEqual([new Error('broken')]);
    await clock.advance(INTERVAL_MS);
    expect(runs).toHaveLength(2);
  });

  it('stops at once between two runs, and never runs again', async () => {
    const periodic = task({ immediate: true });
    periodic.start();
    await endRun();
    await periodic.stop();
    periodic.trigger();
    periodic.start();
    await clock.advance(10 * INTERVAL_MS);
    expect(runs).toHaveLength(1);
  });

  it('waits for the run under way when it is stopped, and tells it by its signal', async () => {
    const periodic = task({ immediate: true });
    periodic.start();
    let isStopped = false;
    const stopped = periodic.stop().then(() => (isStopped = true));
    await settled();
    expect([periodic.signal.aborted, isStopped]).toEqual([true, false]);
    await endRun();
    await stopped;
    expect(runs).toHaveLength(1);
  });

  it('can be stopped before it was started', async () => {
    await expect(task().stop()).resolves.toBeUndefined();
  });
});
