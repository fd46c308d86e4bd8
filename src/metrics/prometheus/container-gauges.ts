import { Counter, Gauge, type Registry } from 'prom-client';
import type { MetricsDto } from '../../usage/metrics.dto.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';

const MIB = 1024 * 1024;
const IDENTITY = ['id', 'name', 'template'] as const;
type Identity = (typeof IDENTITY)[number];

/** Metrics of each container. The labels only identify it and reveal no settings, repository or environment. */
export class ContainerGauges {
  private readonly status: Gauge<Identity | 'status'>;
  private readonly agentState: Gauge<Identity | 'state'>;
  private readonly usage: {
    metric: Gauge<Identity> | Counter<Identity>;
    of: (metrics: MetricsDto) => number | null;
  }[];

  constructor(registry: Registry) {
    const registers = [registry];
    const gauge = (name: string, help: string, of: (metrics: MetricsDto) => number | null) => ({
      metric: new Gauge({ name: `devforge_container_${name}`, help, labelNames: IDENTITY, registers }),
      of,
    });
    const counter = (name: string, help: string, of: (metrics: MetricsDto) => number) => ({
      metric: new Counter({ name: `devforge_container_${name}`, help, labelNames: IDENTITY, registers }),
      of,
    });
    this.status = new Gauge({
      name: 'devforge_container_status',
      help: '1 with the status that the container has',
      labelNames: [...IDENTITY, 'status'],
      registers,
    });
    this.agentState = new Gauge({
      name: 'devforge_container_agent_state',
      help: '1 with what the agent in a running container does, where it tells',
      labelNames: [...IDENTITY, 'state'],
      registers,
    });
    this.usage = [
      gauge('cpu_cores', 'Cores that a running container uses', ({ cpu }) => cpu.percent / 100),
      gauge('cpu_limit_cores', 'Cores that it may use', ({ cpu }) => cpu.limitPercent / 100),
      gauge('memory_bytes', 'Memory that it uses, without reclaimable page cache', ({ memory }) => memory.usedMB * MIB),
      gauge('memory_limit_bytes', 'Memory that it may use', ({ memory }) => memory.limitMB * MIB),
      gauge('disk_bytes', 'Disk that its workspace and writable layer take, as last measured', ({ disk }) =>
        disk.usedMB === null ? null : disk.usedMB * MIB,
      ),
      gauge('disk_limit_bytes', 'Disk that they may take', ({ disk }) => disk.limitMB * MIB),
      counter(
        'network_receive_bytes_total',
        'Bytes that it received since it was started',
        ({ network }) => network.rxBytes,
      ),
      counter(
        'network_transmit_bytes_total',
        'Bytes that it sent since it was started',
        ({ network }) => network.txBytes,
      ),
      gauge('pids', 'Processes and threads in it', ({ pids }) => pids),
      gauge('agent_active', '1 while Claude Code runs in it, 0 while not', ({ agent }) =>
        agent === null ? null : Number(agent.active),
      ),
    ];
  }

  reset(): void {
    for (const { metric } of [{ metric: this.status }, { metric: this.agentState }, ...this.usage]) metric.reset();
  }

  add({ id, name, template, status }: ContainerRow, metrics: MetricsDto | undefined): void {
    const identity = { id, name, template };
    this.status.set({ ...identity, status }, 1);
    if (metrics === undefined) return;
    if (metrics.agent !== null && metrics.agent.state !== null)
      this.agentState.set({ ...identity, state: metrics.agent.state }, 1);
    for (const { metric, of } of this.usage) {
      const value = of(metrics);
      if (value !== null) metric.inc(identity, value);
    }
  }
}
