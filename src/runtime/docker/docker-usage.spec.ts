import { describe, expect, it } from '@jest/globals';
import type Dockerode from 'dockerode';
import { PassThrough } from 'node:stream';
import type { UsageRecord } from '../container-runtime.js';
import { readUsage } from './docker-usage.js';

const stats = {
  read: '2030-01-01T00:00:00.5Z',
  cpu_stats: { cpu_usage: { total_usage: 2_500_000_000 } },
  memory_stats: { usage: 1_000, stats: { total_inactive_file: 300, inactive_file: 1 } },
  networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
  pids_stats: { current: 7 },
};

const dockerWith = (stream: PassThrough): Dockerode => ({ getContainer: () => ({ stats: async () => stream }) }) as unknown as Dockerode;

async function all(records: AsyncIterable<UsageRecord>): Promise<UsageRecord[]> {
  const seen: UsageRecord[] = [];
  for await (const record of records) seen.push(record);
  return seen;
}

describe('readUsage', () => {
  it('tells what the engine counts, of either cgroup version', async () => {
    const stream = new PassThrough();
    const version2 = { ...stats, memory_stats: { usage: 1_000, stats: { inactive_file: 200 } }, networks: undefined, pids_stats: {} };
    const stopped = { ...stats, memory_stats: {} };
    stream.end([stats, version2, stopped].map((record) => JSON.stringify(record)).join('\n'));
    const at = Date.parse(stats.read);
    await expect(all(readUsage(dockerWith(stream), 'id', new AbortController().signal))).resolves.toEqual([
      { at, cpuSeconds: 2.5, memoryBytes: 700, rxBytes: 11, txBytes: 22, pids: 7 },
      { at, cpuSeconds: 2.5, memoryBytes: 800, rxBytes: 0, txBytes: 0, pids: 0 },
      { at, cpuSeconds: 2.5, memoryBytes: 0, rxBytes: 11, txBytes: 22, pids: 7 },
    ]);
  });

  it('ends when told to while it waits', async () => {
    const stream = new PassThrough();
    const left = new AbortController();
    const reading = all(readUsage(dockerWith(stream), 'id', left.signal));
    setTimeout(() => left.abort(), 5);
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
