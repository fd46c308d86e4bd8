import type Dockerode from 'dockerode';
import type { Readable } from 'node:stream';
import type { UsageRecord } from '../../workspace-usage.js';
import { DEADLINE, engineCall, toDriverError } from '../engine/engine-call.js';
import { linesOf } from '../engine/logs/stream-lines.js';
import { UsageClock } from './usage-clock.js';

interface StatsRecord {
  read: string;
  cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage?: number; online_cpus?: number };
  memory_stats: { usage?: number; stats?: Record<string, number> };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }>;
  pids_stats?: { current?: number };
}

/** The `read` time of records about a container that does not run; they have no values. */
const NEVER = '0001-01-01T00:00:00Z';

/** Follows the engine's stream of statistics. */
export async function* readUsage(
  docker: Dockerode,
  dockerId: string,
  signal: AbortSignal,
): AsyncGenerator<UsageRecord> {
  const what = `usage of container ${dockerId.slice(0, 12)}` as const;
  const stream = await engineCall(what, DEADLINE.read, (given) => open(docker, dockerId, given), signal).catch(
    (error: unknown) => {
      if (signal.aborted) return undefined;
      throw error;
    },
  );
  if (stream === undefined) return;
  const clock = new UsageClock();
  const abort = (): void => void stream.destroy(new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const line of linesOf(stream)) {
      if (line.trim() === '') continue;
      const record = JSON.parse(line) as StatsRecord;
      if (record.read === NEVER) return;
      yield toUsage(record, clock);
    }
  } catch (error) {
    if (!signal.aborted) throw toDriverError(what, error);
  } finally {
    signal.removeEventListener('abort', abort);
    stream.destroy();
  }
}

async function open(docker: Dockerode, dockerId: string, signal: AbortSignal): Promise<Readable> {
  const stream = (await docker.getContainer(dockerId).stats({ stream: true })) as unknown as Readable;
  // The caller has stopped waiting; nothing else would ever close this stream.
  if (signal.aborted) stream.destroy();
  return stream;
}

function toUsage({ read, cpu_stats, memory_stats, networks, pids_stats }: StatsRecord, clock: UsageClock): UsageRecord {
  const { cpu_usage, system_cpu_usage, online_cpus } = cpu_stats;
  const { usage = 0, stats = {} } = memory_stats;
  // total_inactive_file in cgroup v1, inactive_file in v2; Docker's own client subtracts the same.
  const reclaimable = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  const all = Object.values(networks ?? {});
  const at = Date.parse(read);
  return {
    at,
    monotonicMs: clock.next({
      wall: at,
      processors: system_cpu_usage && online_cpus ? system_cpu_usage / 1e6 / online_cpus : undefined,
      arrival: performance.now(),
    }),
    cpuSeconds: cpu_usage.total_usage / 1e9,
    memoryBytes: reclaimable < usage ? usage - reclaimable : usage,
    rxBytes: all.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0),
    txBytes: all.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0),
    pids: pids_stats?.current ?? 0,
  };
}
