import type Docker from 'dockerode';

/** The part of the engine's statistics that Docker's own client uses. */
interface Stats {
  read: string;
  cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage: number; online_cpus: number };
  memory_stats: { usage: number; stats: Record<string, number> };
  networks: Record<string, { rx_bytes: number; tx_bytes: number }>;
  pids_stats: { current: number };
}

/** A row of `docker stats --no-stream`. */
export interface StatsRow {
  /** Milliseconds since the epoch. */
  at: number;
  cpuNanoseconds: number;
  systemNanoseconds: number;
  processors: number;
  memoryBytes: number;
  /** Page cache that `memoryBytes` leaves out. */
  cachedBytes: number;
  rxBytes: number;
  txBytes: number;
  pids: number;
}

/** Reads and computes the statistics like `docker stats --no-stream`. */
export async function dockerStats(docker: Docker, dockerId: string): Promise<StatsRow> {
  const { read, cpu_stats, memory_stats, networks, pids_stats } = (await docker
    .getContainer(dockerId)
    .stats({ stream: false })) as unknown as Stats;
  const { usage, stats } = memory_stats;
  // As calculateMemUsageUnixNoCache of Docker's client: cgroup version 1 first, then version 2.
  const [inactive = 0] = [stats['total_inactive_file'], stats['inactive_file']].filter(
    (bytes) => bytes !== undefined && bytes < usage,
  );
  const interfaces = Object.values(networks);
  return {
    at: Date.parse(read),
    cpuNanoseconds: cpu_stats.cpu_usage.total_usage,
    systemNanoseconds: cpu_stats.system_cpu_usage,
    processors: cpu_stats.online_cpus,
    memoryBytes: usage - inactive,
    cachedBytes: inactive,
    rxBytes: interfaces.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0),
    txBytes: interfaces.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0),
    pids: pids_stats.current,
  };
}

/** As calculateCPUPercentUnix of Docker's client, over the time between two rows. */
export function cpuPercent(before: StatsRow, now: StatsRow): number {
  return (
    ((now.cpuNanoseconds - before.cpuNanoseconds) / (now.systemNanoseconds - before.systemNanoseconds)) *
    now.processors *
    100
  );
}
