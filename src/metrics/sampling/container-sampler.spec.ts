import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AgentDto } from '../../agent-state/agent.dto.js';
import type { MetricsDto } from '../../usage/metrics.dto.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { UsageRecord } from '../../drivers/workspace-usage.js';
import { ContainerSampler, BACKGROUND_INTERVAL_MS } from './container-sampler.js';
import { UsageSource } from '../../drivers/workspace-usage.js';

const row = {
  id: '0123abcd-0000-4000-8000-000000000000',
  runtimeId: 'one',
  cpuLimit: 1,
  memoryLimit: 512,
  diskLimit: 1_024,
} as ContainerRow;

class FakeSource extends UsageSource {
  isClosed = false;

  constructor(private readonly sources: FakeSources) {
    super();
  }

  async read(): Promise<UsageRecord> {
    this.sources.reads += 1;
    if (this.isClosed) this.sources.readsOfClosed += 1;
    if (this.sources.readMs > 0) await new Promise((resolve) => setTimeout(resolve, this.sources.readMs));
    if (this.sources.isBroken || this.sources.vanished.has(this)) throw new Error('ENODEV');
    const monotonicMs = performance.now();
    return {
      at: Date.now(),
      monotonicMs,
      cpuSeconds: 1_000 + monotonicMs / 2_000,
      memoryBytes: 0,
      rxBytes: 0,
      txBytes: 0,
      pids: 1,
    };
  }

  claudeProcesses(): number[] | undefined {
    return this.sources.agents;
  }

  close(): void {
    this.isClosed = true;
  }
}

class FakeSources {
  reads = 0;
  readsOfClosed = 0;
  readMs = 0;
  openMs = 0;
  isBroken = false;
  isStopped = false;
  agents: number[] | undefined = [];
  readonly opened: FakeSource[] = [];
  readonly vanished = new Set<FakeSource>();

  async usage(): Promise<UsageSource> {
    if (this.openMs > 0) await new Promise((resolve) => setTimeout(resolve, this.openMs));
    if (this.isStopped) throw new Error('the container does not run');
    const source = new FakeSource(this);
    this.opened.push(source);
    return source;
  }

  get leaked(): number {
    return this.opened.filter(({ isClosed }) => !isClosed).length;
  }
}

let sources: FakeSources;
let sampler: ContainerSampler;
let background: MetricsDto[];
let knownAgent: AgentDto | null;
let failures: unknown[];

beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse('2030-01-01T00:00:00.777Z') });
  sources = new FakeSources();
  background = [];
  knownAgent = null;
  failures = [];
  sampler = new ContainerSampler(
    row,
    sources,
    () => undefined,
    () => knownAgent,
    { onSample: (metrics) => background.push(metrics), onFailure: (error) => failures.push(error) },
  );
});

afterEach(() => {
  sampler.close();
  if (sources.leaked + sources.readsOfClosed > 0)
    throw new Error('a source was left open or was read after it was closed');
  jest.useRealTimers();
});

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

function subscribe(intervalMs: number): { times: number[]; stop: () => void } {
  const times: number[] = [];
  return {
    times,
    stop: sampler.subscribe({ intervalMs, onMetrics: ({ timestamp }) => times.push(Date.parse(timestamp)) }),
  };
}

const spans = (times: number[]): number[] => times.slice(1).map((time, at) => time - times[at]!);

/** Starts the sampler and waits for the first sample, which takes two readings. */
async function start(): Promise<void> {
  sampler.start();
  await pass(BACKGROUND_INTERVAL_MS + 200);
  sources.reads = 0;
}

describe('the subscribers of a sampler', () => {
  it('share samples when their interval is the same, however many there are and whenever they subscribed', async () => {
    await start();
    const subscribers = [];
    for (let at = 0; at < 100; at++) {
      subscribers.push(subscribe(1_000));
      await pass(7);
    }
    await pass(1_000);
    sources.reads = 0;
    const before = subscribers.map(({ times }) => times.length);
    await pass(10_000);
    expect(sources.reads).toBe(10);
    subscribers.forEach(({ times }, at) => expect(times.length - before[at]!).toBe(10));
    expect(sources.opened).toHaveLength(1);
  });

  it('each get their own interval, from samples of the shortest', async () => {
    await start();
    const [quick, slow, slowest] = [subscribe(500), subscribe(2_000), subscribe(60_000)];
    await pass(120_500);
    expect(new Set(spans(quick.times))).toEqual(new Set([500]));
    expect(new Set(spans(slow.times))).toEqual(new Set([2_000]));
    expect(spans(slowest.times)).toEqual([60_000]);
    expect(sources.reads).toBeLessThanOrEqual(242);
  });

  it('get samples in time at odd intervals', async () => {
    await start();
    const [a, b] = [subscribe(700), subscribe(1_300)];
    await pass(91_000);
    expect(a.times.length).toBeGreaterThanOrEqual(129);
    expect(b.times.length).toBeGreaterThanOrEqual(69);
    for (const span of spans(a.times)) expect(Math.abs(span - 700)).toBeLessThanOrEqual(100);
  });

  it('get nothing after they have unsubscribed', async () => {
    await start();
    const [stays, leaves] = [subscribe(1_000), subscribe(500)];
    await pass(3_000);
    const { length } = leaves.times;
    leaves.stop();
    sources.reads = 0;
    await pass(10_000);
    expect(leaves.times).toHaveLength(length);
    expect(sources.reads).toBe(10);
    expect(stays.times.length).toBe(13);
  });

  it('do not disturb the background interval', async () => {
    sampler.start();
    await pass(60_200);
    const alone = background.length;
    for (let at = 0; at < 2_000; at++) {
      subscribe(60_000).stop();
      await pass(30);
    }
    expect(background.length - alone).toBe(12);
    expect(new Set(spans(background.map(({ timestamp }) => Date.parse(timestamp))).slice(1))).toEqual(
      new Set([BACKGROUND_INTERVAL_MS]),
    );
  });
});

describe('a sample', () => {
  it('has rates from the start, from two readings', async () => {
    const sample = sampler.sample();
    await pass(100);
    expect((await sample).cpu.percent).toBe(50);
    expect(sources.reads).toBe(2);
  });

  it('waits for a second reading of a source that has one per second', async () => {
    const read = FakeSource.prototype.read;
    jest.spyOn(FakeSource.prototype, 'read').mockImplementation(async function (this: FakeSource) {
      const record = await read.call(this);
      const monotonicMs = Math.floor(record.monotonicMs / 1_000) * 1_000;
      return { ...record, monotonicMs, cpuSeconds: monotonicMs / 2_000 };
    });
    const sample = sampler.sample();
    await pass(1_000);
    expect((await sample).cpu.percent).toBe(50);
    jest.restoreAllMocks();
  });

  it('is shared by concurrent calls', async () => {
    sources.openMs = 50;
    const samples = Promise.all([sampler.sample(), sampler.sample(), sampler.sample()]);
    await pass(200);
    expect(new Set(await samples).size).toBe(1);
    expect(sources.opened).toHaveLength(1);
    expect(sources.reads).toBe(2);
  });

  it('is shared with the subscribers', async () => {
    await start();
    sources.readMs = 300;
    const { times } = subscribe(500);
    const asking = [];
    for (let at = 0; at < 20; at++) {
      asking.push(sampler.sample());
      await pass(100);
    }
    await pass(1_000);
    await Promise.all(asking);
    expect(sources.reads).toBeLessThanOrEqual(10);
    expect(times.length).toBeGreaterThanOrEqual(3);
    expect(sources.opened).toHaveLength(1);
  });

  it('is the latest one when the next call follows at once', async () => {
    await start();
    const first = await sampler.sample();
    await pass(50);
    expect(await sampler.sample()).toBe(first);
    await pass(60);
    expect(await sampler.sample()).not.toBe(first);
  });

  it('is taken from a new source when the old one failed after a restart', async () => {
    await start();
    sources.vanished.add(sources.opened[0]!);
    const sample = sampler.sample();
    await pass(200);
    expect((await sample).cpu.percent).toBe(50);
    expect(sources.opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it('fails when the container does not run', async () => {
    sources.isStopped = true;
    await expect(sampler.sample()).rejects.toThrow('does not run');
  });

  it.each([-3_600_000, -400, 400, 3_600_000])('has correct rates when the clock is set off by %i ms', async (step) => {
    await start();
    const { times } = subscribe(1_000);
    const percents: number[] = [];
    sampler.subscribe({ intervalMs: 1_000, onMetrics: ({ cpu }) => percents.push(cpu.percent) });
    await pass(2_500);
    jest.setSystemTime(Date.now() + step);
    await pass(8_000);
    expect(times.length).toBeGreaterThanOrEqual(10);
    expect(new Set(percents)).toEqual(new Set([50]));
    expect(Date.now() - times.at(-1)!).toBeLessThanOrEqual(1_000);
  });

  it.each([0, 50])('fails when the sampler is closed after %i ms, and leaves no source open', async (after) => {
    sources.openMs = 20;
    sources.readMs = 20;
    const sample = sampler.sample().catch((error: Error) => error.message);
    await pass(after);
    sampler.close();
    await pass(500);
    await expect(sample).resolves.toContain('no longer sampled');
    await expect(sampler.sample()).rejects.toThrow('no longer sampled');
  });
});

describe('a slow source', () => {
  it('has one read at a time, and subscribers get samples at its pace', async () => {
    await start();
    sources.readMs = 1_700;
    const { times } = subscribe(500);
    await pass(17_000);
    expect(sources.reads).toBeLessThanOrEqual(11);
    expect(times.length).toBeGreaterThanOrEqual(7);
    expect(new Set(times).size).toBe(times.length);
    expect(background.length).toBeGreaterThanOrEqual(3);
    expect(new Set(background).size).toBe(background.length);
  });
});

describe('a failing source', () => {
  it('is opened again at most once a second, and subscribers get samples when it works', async () => {
    await start();
    const { times } = subscribe(500);
    await pass(2_000);
    sources.isBroken = true;
    const opened = sources.opened.length;
    const { length } = times;
    await pass(5_000);
    expect(times).toHaveLength(length);
    expect(sources.opened.length - opened).toBeLessThanOrEqual(7);
    expect(failures.length).toBeGreaterThanOrEqual(4);
    expect(failures.length).toBeLessThanOrEqual(7);
    sources.isBroken = false;
    await pass(3_000);
    expect(times.length).toBeGreaterThan(length + 2);
  });
});

describe('a closed sampler', () => {
  it('neither reads nor reports anything', async () => {
    await start();
    const { times, stop } = subscribe(500);
    await pass(1_000);
    const { length } = times;
    sampler.close();
    sources.reads = 0;
    stop();
    subscribe(500);
    await pass(60_000);
    expect(times).toHaveLength(length);
    expect(sources.reads).toBe(0);
    expect(failures).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('discards a sample that was under way', async () => {
    await start();
    const { times } = subscribe(500);
    sources.readMs = 100;
    await pass(550);
    const { length } = times;
    sampler.close();
    await pass(1_000);
    expect(times.length).toBe(length);
  });
});

describe('the agent in a sample', () => {
  const agent = async (): Promise<MetricsDto['agent']> => {
    const sample = sampler.sample();
    await pass(200);
    return (await sample).agent;
  };

  it('has the time at which it started or ended', async () => {
    const none = await agent();
    expect(none).toMatchObject({ active: false, state: 'none' });
    await pass(1_000);
    expect(await agent()).toEqual(none);
    sources.agents = [77];
    const active = await agent();
    expect(active).toMatchObject({ active: true, state: null });
    expect(Date.parse(active!.since!)).toBeGreaterThan(Date.parse(none!.since!));
    sources.agents = undefined;
    expect(await agent()).toBeNull();
  });

  it('has the known state of the agent where there is one', async () => {
    sources.agents = [77];
    await agent();
    await pass(1_000);
    knownAgent = {
      active: true,
      state: 'waiting',
      since: '2030-01-01T00:00:00.000Z',
      waitingFor: { tool: 'Bash', text: 'ls' },
      modelProblem: null,
    };
    expect(await agent()).toEqual(knownAgent);
    await pass(1_000);
    const before = await sampler.sample();
    knownAgent = { ...knownAgent, state: 'working', waitingFor: null };
    // Too early for another reading.
    await pass(50);
    const after = await sampler.sample();
    expect(after).toEqual({ ...before, agent: knownAgent });
    expect(sampler.latest).toEqual(after);
    await pass(1_000);
    knownAgent = null;
    expect(await agent()).toMatchObject({ active: true, state: null, waitingFor: null });
  });
});
