import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { JobPatch } from '../persistence/containers/containers.repository.js';
import { ProgressReporter } from './progress-reporter.js';

const SOON_MS = 400;

describe('ProgressReporter', () => {
  const write = jest.fn<(patch: JobPatch) => Promise<unknown>>();
  let reporter: ProgressReporter;
  const writes = (): JobPatch[] => write.mock.calls.map(([patch]) => patch);

  beforeEach(() => {
    jest.useFakeTimers();
    write.mockReset().mockResolvedValue(undefined);
    reporter = new ProgressReporter(write);
  });

  afterEach(() => void jest.useRealTimers());

  it('writes only the latest of many reports', async () => {
    for (let progress = 1; progress <= 50; progress++) reporter.report({ progress, message: `line ${progress}` });
    expect(write).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(SOON_MS);
    expect(writes()).toEqual([{ progress: 50, message: 'line 50' }]);
    await jest.advanceTimersByTimeAsync(10 * SOON_MS);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('writes no more often than every 400 ms', async () => {
    for (let elapsed = 0; elapsed < 2_000; elapsed += 100) {
      reporter.report({ progress: elapsed, message: '' });
      await jest.advanceTimersByTimeAsync(100);
    }
    expect(write).toHaveBeenCalledTimes(5);
  });

  it('writes one at a time', async () => {
    let done = (): void => undefined;
    write.mockImplementationOnce(() => new Promise((resolve) => (done = () => resolve(undefined))));
    reporter.report({ progress: 1, message: 'a' });
    await jest.advanceTimersByTimeAsync(SOON_MS);
    reporter.report({ progress: 2, message: 'b' });
    await jest.advanceTimersByTimeAsync(SOON_MS);
    expect(write).toHaveBeenCalledTimes(1);
    done();
    await jest.advanceTimersByTimeAsync(0);
    expect(writes().map(({ progress }) => progress)).toEqual([1, 2]);
  });

  it('truncates a long message', async () => {
    reporter.report({ progress: 1, message: 'x'.repeat(10_000) });
    await jest.advanceTimersByTimeAsync(SOON_MS);
    expect(writes()[0]?.message).toHaveLength(500);
  });

  it('continues after a failed write', async () => {
    write.mockRejectedValueOnce(new Error('the database is away'));
    reporter.report({ progress: 1, message: 'a' });
    await jest.advanceTimersByTimeAsync(SOON_MS);
    reporter.report({ progress: 2, message: 'b' });
    await jest.advanceTimersByTimeAsync(SOON_MS);
    expect(write).toHaveBeenCalledTimes(2);
  });

  it('writes nothing after it is closed, neither pending nor new reports', async () => {
    reporter.report({ progress: 1, message: 'a' });
    await reporter.close();
    reporter.report({ progress: 2, message: 'b' });
    await jest.advanceTimersByTimeAsync(10 * SOON_MS);
    expect(write).not.toHaveBeenCalled();
  });

  it('closes after the last write has finished', async () => {
    let done = (): void => undefined;
    write.mockImplementationOnce(() => new Promise((resolve) => (done = () => resolve(undefined))));
    reporter.report({ progress: 1, message: 'a' });
    await jest.advanceTimersByTimeAsync(SOON_MS);
    let closed = false;
    const closing = reporter.close().then(() => (closed = true));
    await jest.advanceTimersByTimeAsync(SOON_MS);
    expect(closed).toBe(false);
    done();
    await closing;
    expect(closed).toBe(true);
  });
});
