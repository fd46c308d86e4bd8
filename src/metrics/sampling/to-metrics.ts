import type { AgentPresenceDto, MetricsDto } from '../../usage/metrics.dto.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { UsageRecord } from '../../drivers/workspace-usage.js';

const MIB = 1024 * 1024;

export interface Limits {
  cpuLimit: number;
  memoryLimit: number;
  diskLimit: number;
}

/** Computes the metrics that clients get from two readings. A counter that was reset yields a rate of 0, never a negative one. */
export function toMetrics(
  { id, cpuLimit, memoryLimit, diskLimit }: Pick<ContainerRow, 'id' | keyof Limits>,
  now: UsageRecord,
  before: UsageRecord | undefined,
  diskUsedMB: number | undefined,
  agent: AgentPresenceDto | null,
): MetricsDto {
  const seconds = before === undefined ? 0 : (now.monotonicMs - before.monotonicMs) / 1_000;
  const rate = (counter: 'cpuSeconds' | 'rxBytes' | 'txBytes'): number =>
    before === undefined || seconds <= 0 ? 0 : Math.max(0, now[counter] - before[counter]) / seconds;
  return {
    containerId: id,
    timestamp: new Date(now.at).toISOString(),
    cpu: { percent: round(rate('cpuSeconds') * 100), limitPercent: round(cpuLimit * 100) },
    memory: {
      usedMB: round(now.memoryBytes / MIB),
      limitMB: memoryLimit,
      percent: round((now.memoryBytes / MIB / memoryLimit) * 100),
    },
    disk: {
      usedMB: diskUsedMB ?? null,
      limitMB: diskLimit,
      percent: diskUsedMB === undefined ? null : round((diskUsedMB / diskLimit) * 100),
    },
    network: {
      rxBytes: now.rxBytes,
      txBytes: now.txBytes,
      rxBytesPerSecond: Math.round(rate('rxBytes')),
      txBytesPerSecond: Math.round(rate('txBytes')),
    },
    pids: now.pids,
    agent,
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
