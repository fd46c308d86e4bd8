import { describe, expect, it, jest } from '@jest/globals';
import type { EngineClient } from '../engine/engine-client.js';
import { DriverError } from '../../driver-error.js';
import type { UsageRecord } from '../../workspace-usage.js';
import { UsageSources } from './usage-sources.js';
import { EngineUsageSource } from './engine-usage-source.js';
import { quietLogger } from '../../../../test/support/logs/fake-log-engine.js';

const usage = (at: number): UsageRecord => ({
  at,
  monotonicMs: at,
  cpuSeconds: at,
  memoryBytes: 1,
  rxBytes: 2,
  txBytes: 3,
  pids: 4,
});

function engine(
  read: (signal: AbortSignal) => AsyncIterable<UsageRecord>,
  inspect: unknown = null,
  measuresUsage = true,
): { runtime: EngineClient; opened: AbortSignal[] } {
  const opened: AbortSignal[] = [];
  const containers = {
    usage: (_: string, signal: AbortSignal) => (opened.push(signal), read(signal)),
    inspect: async () => inspect,
  };
  const system = { info: async () => ({ name: 'Podman', measuresUsage, statisticsEveryMs: 1_000 }) };
  return { runtime: { containers, system } as unknown as EngineClient, opened };
}

describe("the engine's statistics", () => {
  it('are the latest of one stream', async () => {
    const next = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
    const { runtime, opened } = engine(async function* () {
      for (const { promise } of next) yield usage(await promise);
      await new Promise(() => undefined);
    });
    const source = new EngineUsageSource(runtime, 'id');
    const first = source.read();
    next[0]!.resolve(1);
    await expect(first).resolves.toEqual(usage(1));
    next[1]!.resolve(2);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await expect(source.read()).resolves.toEqual(usage(2));
    expect(source.claudeProcesses()).toBeUndefined();
    expect(opened).toHaveLength(1);
    source.close();
    expect(opened[0]!.aborted).toBe(true);
  });

  it('fail with the stream', async () => {
    const { runtime } = engine(async function* () {
      yield usage(1);
      throw new DriverError('unavailable', 'away');
    });
    const source = new EngineUsageSource(runtime, 'id');
    await source.read();
    await new Promise((resolve) => setTimeout(resolve, 2));
    await expect(source.read()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('fail when the engine falls silent', async () => {
    jest.useFakeTimers();
    try {
      const { runtime } = engine(async function* () {
        yield usage(1);
        await new Promise(() => undefined);
      });
      const source = new EngineUsageSource(runtime, 'id');
      await source.read();
      await jest.advanceTimersByTimeAsync(4_900);
      await expect(source.read()).resolves.toEqual(usage(1));
      await jest.advanceTimersByTimeAsync(200);
      await expect(source.read()).rejects.toMatchObject({ code: 'unavailable' });
      source.close();
    } finally {
      jest.useRealTimers();
    }
  });

  it('fail when the engine says nothing at all', async () => {
    jest.useFakeTimers();
    try {
      const { runtime } = engine(async function* () {
        yield await new Promise<never>(() => undefined);
      });
      const source = new EngineUsageSource(runtime, 'id');
      const reading = source.read().catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(5_000);
      await expect(reading).resolves.toMatchObject({ code: 'unavailable' });
      source.close();
    } finally {
      jest.useRealTimers();
    }
  });

  it('fail when the container stops before the first', async () => {
    const { runtime } = engine(async function* () {
      yield* [];
    });
    await expect(new EngineUsageSource(runtime, 'id').read()).rejects.toThrow('stopped');
  });
});

describe('the best source', () => {
  const silent = async function* (): AsyncGenerator<UsageRecord> {
    yield await new Promise<never>(() => undefined);
  };

  it.each([null, { pid: 0 }])('of a container that does not run (%j) is none', async (inspected) => {
    await expect(new UsageSources(engine(silent, inspected).runtime, quietLogger).open('id')).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it.each([
    ['belongs to something else', process.pid],
    ['is gone', 2 ** 30],
  ])('is the engine when the number of its process %s on this machine', async (_, pid) => {
    const source = await new UsageSources(engine(silent, { pid }).runtime, quietLogger).open('f'.repeat(64));
    expect(source).toBeInstanceOf(EngineUsageSource);
    source.close();
  });

  it('is none when the statistics of the engine are not those of the container', async () => {
    const { runtime } = engine(silent, { pid: 2 ** 30 }, false);
    await expect(new UsageSources(runtime, quietLogger).open('f'.repeat(64))).rejects.toThrow('cannot measure');
  });
});
