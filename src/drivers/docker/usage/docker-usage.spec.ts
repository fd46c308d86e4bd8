import { describe, expect, it } from '@jest/globals';
import type Dockerode from 'dockerode';
import { PassThrough } from 'node:stream';
import type { UsageRecord } from '../../workspace-usage.js';
import { readUsage } from './docker-usage.js';

const stats = {
  read: '2030-01-01T00:00:00.5Z',
  cpu_stats: { cpu_usage: { total_usage: 2_500_000_000 } },
  memory_stats: { usage: 1_000, stats: { total_inactive_file: 300, inactive_file: 1 } },
  networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
  pids_stats: { current: 7 },
};

const dockerWith = (stream: PassThrough): Dockerode =>
  ({ getContainer: () => ({ stats: async () => stream }) }) as unknown as Dockerode;

async function all(records: AsyncIterable<UsageRecord>): Promise<UsageRecord[]> {
  const seen: UsageRecord[] = [];
  for await (const record of records) seen.push(record);
  return seen;
}

describe('readUsage', () => {
  it("yields the engine's counters, for either cgroup version", async () => {
    const stream = new PassThrough();
    const version2 = {
      ...stats,
      memory_stats: { usage: 1_000, stats: { inactive_file: 200 } },
      networks: undefined,
      pids_stats: {},
    };
    const bare = { ...stats, memory_stats: {} };
    stream.end([stats, version2, bare].map((record) => JSON.stringify(record)).join('\n'));
    const at = Date.parse(stats.read);
    await expect(all(readUsage(dockerWith(stream), 'id', new AbortController().signal))).resolves.toMatchObject([
      { at, monotonicMs: 0, cpuSeconds: 2.5, memoryBytes: 700, rxBytes: 11, txBytes: 22, pids: 7 },
      { at, cpuSeconds: 2.5, memoryBytes: 800, rxBytes: 0, txBytes: 0, pids: 0 },
      { at, cpuSeconds: 2.5, memoryBytes: 0, rxBytes: 11, txBytes: 22, pids: 7 },
    ]);
  });

  // The engine never ends the stream of a container that is there.
  it('ends with the container', async () => {
    const stream = new PassThrough();
    const stopped = {
      read: '0001-01-01T00:00:00Z',
      pids_stats: {},
      cpu_stats: { cpu_usage: { total_usage: 0 } },
      memory_stats: {},
    };
    stream.write([stats, stopped, stats].map((record) => JSON.stringify(record)).join('\n') + '\n');
    await expect(all(readUsage(dockerWith(stream), 'id', new AbortController().signal))).resolves.toHaveLength(1);
    expect(stream.destroyed).toBe(true);
  });

  it('measures elapsed time by clocks that cannot be set', async () => {
    const stream = new PassThrough();
    const processors = (seconds: number) => ({ ...stats.cpu_stats, system_cpu_usage: 2e9 * seconds, online_cpus: 2 });
    const times = ['00:00:00.5', '00:00:01.5', '23:00:02.5'].map((time, at) => ({
      ...stats,
      read: `2030-01-01T${time}Z`,
      cpu_stats: processors(700 + at),
    }));
    stream.end(times.map((record) => JSON.stringify(record)).join('\n'));
    const records = await all(readUsage(dockerWith(stream), 'id', new AbortController().signal));
    expect(records.map(({ monotonicMs }) => monotonicMs)).toEqual([0, 1_000, 2_000]);
  });

  it('ends when the signal aborts before the engine answers', async () => {
    const docker = { getContainer: () => ({ stats: () => new Promise(() => undefined) }) } as unknown as Dockerode;
    const stopped = new AbortController();
    setTimeout(() => stopped.abort(), 5);
    await expect(all(readUsage(docker, 'id', stopped.signal))).resolves.toEqual([]);
  });

  it('ends when the signal aborts while it waits', async () => {
    const stream = new PassThrough();
    const stopped = new AbortController();
    const reading = all(readUsage(dockerWith(stream), 'id', stopped.signal));
    setTimeout(() => stopped.abort(), 5);
    await expect(reading).resolves.toEqual([]);
    expect(stream.destroyed).toBe(true);
  });

  it('fails when the connection breaks', async () => {
    const stream = new PassThrough();
    const reading = all(readUsage(dockerWith(stream), 'id', new AbortController().signal));
    setTimeout(() => stream.destroy(new Error('ECONNRESET')), 5);
    await expect(reading).rejects.toMatchObject({ code: 'unavailable' });
  });
});
