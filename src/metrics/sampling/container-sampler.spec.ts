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

  constructor(private readonly machine: FakeMachine) {
    super();
  }

  async read(): Promise<UsageRecord> {
    this.machine.reads += 1;
    if (this.isClosed) this.machine.readsOfClosed += 1;
    if (this.machine.readMs > 0) await new Promise((resolve) => setTimeout(resolve, this.machine.readMs));
    if (this.machine.isBroken || this.machine.vanished.has(this)) throw new Error('ENODEV');
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
    return this.machine.agents;
  }

  close(): void {
    this.isClosed = true;
  }
}

class FakeMachine {
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

let machine: FakeMachine;
let sampler: ContainerSampler;
let resting: MetricsDto[];
let told: AgentDto | null;
let failures: unknown[];

beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse('2030-01-01T00:00:00.777Z') });
  machine = new FakeMachine();
  resting = [];
  told = null;
  failures = [];
  sampler = new ContainerSampler(
    row,
    machine,
    () => undefined,
    () => told,
    { onSample: (metrics) => resting.push(metrics), onFailure: (error) => failures.push(error) },
  );
});

afterEach(() => {
  sampler.close();
  if (machine.leaked + machine.readsOfClosed > 0)
    throw new Error('a source was left open, or read after it was closed');
  jest.useRealTimers();
});

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

function watch(intervalMs: number): { times: number[]; stop: () => void } {
  const times: number[] = [];
  return {
    times,
    stop: sampler.subscribe({ intervalMs, onMetrics: ({ timestamp }) => times.push(Date.parse(timestamp)) }),
  };
}

const spans = (times: number[]): number[] => times.slice(1).map((time, at) => time - times[at]!);

/** Begins, and lets the first sample pass, which takes two readings. */
async function begin(): Promise<void> {
  sampler.start();
  await pass(BACKGROUND_INTERVAL_MS + 200);
  machine.reads = 0;
}

describe('watchers', () => {
  it('of one interval share a sample, however many and whenever they came', async () => {
    await begin();
    const watchers = [];
    for (let at = 0; at < 100; at++) {
      watchers.push(watch(1_000));
      await pass(7);
    }
    await pass(1_000);
    machine.reads = 0;
    const before = watchers.map(({ times }) => times.length);
    await pass(10_000);
    expect(machine.reads).toBe(10);
    watchers.forEach(({ times }, at) => expect(times.length - before[at]!).toBe(10));
    expect(machine.opened).toHaveLength(1);
  });

  it('get their own interval each, from samples of the shortest', async () => {
    await begin();
    const [quick, slow, slowest] = [watch(500), watch(2_000), watch(60_000)];
    await pass(120_500);
    expect(new Set(spans(quick.times))).toEqual(new Set([500]));
    expect(new Set(spans(slow.times))).toEqual(new Set([2_000]));
    expect(spans(slowest.times)).toEqual([60_000]);
    expect(machine.reads).toBeLessThanOrEqual(242);
  });

  it('of odd intervals are served in time', async () => {
    await begin();
    const [a, b] = [watch(700), watch(1_300)];
    await pass(91_000);
    expect(a.times.length).toBeGreaterThanOrEqual(129);
    expect(b.times.length).toBeGreaterThanOrEqual(69);
    for (const span of spans(a.times)) expect(Math.abs(span - 700)).toBeLessThanOrEqual(100);
  });

  it('get nothing more once they left', async () => {
    await begin();
    const [stays, leaves] = [watch(1_000), watch(500)];
    await pass(3_000);
    const { length } = leaves.times;
    leaves.stop();
    machine.reads = 0;
    await pass(10_000);
    expect(leaves.times).toHaveLength(length);
    expect(machine.reads).toBe(10);
    expect(stays.times.length).toBe(13);
  });

  it('cost the resting beat nothing', async () => {
    sampler.start();
    await pass(60_200);
    const alone = resting.length;
    for (let at = 0; at < 2_000; at++) {
      watch(60_000).stop();
      await pass(30);
    }
    expect(resting.length - alone).toBe(12);
    expect(new Set(spans(resting.map(({ timestamp }) => Date.parse(timestamp))).slice(1))).toEqual(
      new Set([BACKGROUND_INTERVAL_MS]),
    );
  });
});

describe('a sample', () => {
  it('shows the rate between two readings from the first', async () => {
    const sample = sampler.sample();
    await pass(100);
    expect((await sample).cpu.percent).toBe(50);
    expect(machine.reads).toBe(2);
  });

  it('waits for a second reading from a source that has one a second only', async () => {
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

  it('is one for all who ask while it is taken', async () => {
    machine.openMs = 50;
    const samples = Promise.all([sampler.sample(), sampler.sample(), sampler.sample()]);
    await pass(200);
    expect(new Set(await samples).size).toBe(1);
    expect(machine.opened).toHaveLength(1);
    expect(machine.reads).toBe(2);
  });

  it('is shared with the tick', async () => {
    await begin();
    machine.readMs = 300;
    const { times } = watch(500);
    const asking = [];
    for (let at = 0; at < 20; at++) {
      asking.push(sampler.sample());
      await pass(100);
    }
    await pass(1_000);
    await Promise.all(asking);
    expect(machine.reads).toBeLessThanOrEqual(10);
    expect(times.length).toBeGreaterThanOrEqual(3);
    expect(machine.opened).toHaveLength(1);
  });

  it('is the latest one when asked for again at once', async () => {
    await begin();
    const first = await sampler.sample();
    await pass(50);
    expect(await sampler.sample()).toBe(first);
    await pass(60);
    expect(await sampler.sample()).not.toBe(first);
  });

  it('is taken from a new source when the old one vanished with a restart', async () => {
    await begin();
    machine.vanished.add(machine.opened[0]!);
    const sample = sampler.sample();
    await pass(200);
    expect((await sample).cpu.percent).toBe(50);
    expect(machine.opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it('fails when the container does not run', async () => {
    machine.isStopped = true;
    await expect(sampler.sample()).rejects.toThrow('does not run');
  });

  it.each([-3_600_000, -400, 400, 3_600_000])(
    'goes on, with true rates, when the clock is put %i ms off',
    async (step) => {
      await begin();
      const { times } = watch(1_000);
      const percents: number[] = [];
      sampler.subscribe({ intervalMs: 1_000, onMetrics: ({ cpu }) => percents.push(cpu.percent) });
      await pass(2_500);
      jest.setSystemTime(Date.now() + step);
      await pass(8_000);
      expect(times.length).toBeGreaterThanOrEqual(10);
      expect(new Set(percents)).toEqual(new Set([50]));
      expect(Date.now() - times.at(-1)!).toBeLessThanOrEqual(1_000);
    },
  );

  it.each([0, 50])('asked for as it closes fails (after %i ms), and nothing stays open', async (after) => {
    machine.openMs = 20;
    machine.readMs = 20;
    const sample = sampler.sample().catch((error: Error) => error.message);
    await pass(after);
    sampler.close();
    await pass(500);
    await expect(sample).resolves.toContain('no longer sampled');
    await expect(sampler.sample()).rejects.toThrow('no longer sampled');
  });
});

describe('a slow source', () => {
  it('is read once at a time, and watchers get what it can give', async () => {
    await begin();
    machine.readMs = 1_700;
    const { times } = watch(500);
    await pass(17_000);
    expect(machine.reads).toBeLessThanOrEqual(11);
    expect(times.length).toBeGreaterThanOrEqual(7);
    expect(new Set(times).size).toBe(times.length);
    expect(resting.length).toBeGreaterThanOrEqual(3);
    expect(new Set(resting).size).toBe(resting.length);
  });
});

describe('a source that fails', () => {
  it('is opened again, at most once a second, and watchers go on', async () => {
    await begin();
    const { times } = watch(500);
    await pass(2_000);
    machine.isBroken = true;
    const opened = machine.opened.length;
    const { length } = times;
    await pass(5_000);
    expect(times).toHaveLength(length);
    expect(machine.opened.length - opened).toBeLessThanOrEqual(7);
    expect(failures.length).toBeGreaterThanOrEqual(4);
    expect(failures.length).toBeLessThanOrEqual(7);
    machine.isBroken = false;
    await pass(3_000);
    expect(times.length).toBeGreaterThan(length + 2);
  });
});

describe('closing', () => {
  it('ends all of it', async () => {
    await begin();
    const { times, stop } = watch(500);
    await pass(1_000);
    const { length } = times;
    sampler.close();
    machine.reads = 0;
    stop();
    watch(500);
    await pass(60_000);
    expect(times).toHaveLength(length);
    expect(machine.reads).toBe(0);
    expect(failures).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('serves nobody with a sample that was being taken', async () => {
    await begin();
    const { times } = watch(500);
    machine.readMs = 100;
    await pass(550);
    const { length } = times;
    sampler.close();
    await pass(1_000);
    expect(times.length).toBe(length);
  });
});

describe('the agent', () => {
  const agent = async (): Promise<MetricsDto['agent']> => {
    const sample = sampler.sample();
    await pass(200);
    return (await sample).agent;
  };

  it('is told with the moment that it came or went', async () => {
    const none = await agent();
    expect(none).toMatchObject({ active: false, state: 'none' });
    await pass(1_000);
    expect(await agent()).toEqual(none);
    machine.agents = [77];
    const active = await agent();
    expect(active).toMatchObject({ active: true, state: null });
    expect(Date.parse(active!.since!)).toBeGreaterThan(Date.parse(none!.since!));
    machine.agents = undefined;
    expect(await agent()).toBeNull();
  });

  it('is as the agent itself tells, where it does', async () => {
    machine.agents = [77];
    await agent();
    await pass(1_000);
    told = {
      active: true,
      state: 'waiting',
      since: '2030-01-01T00:00:00.000Z',
      waitingFor: { tool: 'Bash', text: 'ls' },
    };
    expect(await agent()).toEqual(told);
    await pass(1_000);
    const before = await sampler.sample();
    told = { ...told, state: 'working', waitingFor: null };
    // Too soon for new figures.
    await pass(50);
    const after = await sampler.sample();
    expect(after).toEqual({ ...before, agent: told });
    expect(sampler.latest).toEqual(after);
    await pass(1_000);
    told = null;
    expect(await agent()).toMatchObject({ active: true, state: null, waitingFor: null });
  });
});
