import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { DomainError } from '../common/domain-error.js';
import { AgentStates } from '../containers/agent-states.js';
import { DiskUsage } from '../containers/disk-usage.js';
import type { MetricsDto } from '../containers/dto/metrics.dto.js';
import { LatestMetrics } from '../containers/latest-metrics.js';
import { DomainEvents } from '../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers.repository.js';
import { ContainerSampler, type Watcher } from './container-sampler.js';
import { MetricsHistory } from './metrics-history.js';
import { UsageSources } from './sources/usage-source.js';

/** Holds one sampler for each running container, however many watch it. */
@Injectable()
export class MetricsHub extends LatestMetrics implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly samplers = new Map<string, { sampler: ContainerSampler; dockerId: string }>();
  private readonly histories = new Map<string, MetricsHistory>();
  private unsubscribe: (() => void)[] = [];
  private isDestroyed = false;

  constructor(
    private readonly rows: ContainersRepository,
    private readonly sources: UsageSources,
    private readonly disk: DiskUsage,
    private readonly agents: AgentStates,
    private readonly events: DomainEvents,
    @InjectPinoLogger(MetricsHub.name) private readonly logger: PinoLogger,
  ) {
    super();
  }

  async onApplicationBootstrap(): Promise<void> {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => this.follow(containerId)),
      this.events.on('container.removed', ({ containerId }) => this.forget(containerId)),
    ];
    for (const row of await this.rows.listAll()) this.observe(row);
  }

  onModuleDestroy(): void {
    this.isDestroyed = true;
    for (const each of this.unsubscribe) each();
    for (const id of this.samplers.keys()) this.stop(id);
  }

  latest(containerId: string): MetricsDto | undefined {
    return this.samplers.get(containerId)?.sampler.latest;
  }

  /** @throws DomainError `invalid_state` when the container does not run */
  async now(row: ContainerRow): Promise<MetricsDto> {
    this.observe(row);
    const sampler = this.samplers.get(row.id)?.sampler;
    if (sampler === undefined) throw notRunning(row);
    try {
      return await sampler.sample();
    } catch (error) {
      this.logger.debug({ err: error, containerId: row.id }, 'A container could not be sampled');
      throw notRunning(row);
    }
  }

  /** Recent points, oldest first. */
  history(containerId: string, windowMs: number): MetricsDto[] {
    return this.histories.get(containerId)?.since(Date.now() - windowMs) ?? [];
  }

  /** @returns a function that ends it, or undefined when the container does not run */
  watch(containerId: string, watcher: Watcher): (() => void) | undefined {
    return this.samplers.get(containerId)?.sampler.watch(watcher);
  }

  /** Starts or stops sampling by what the row says. */
  observe(row: ContainerRow): void {
    const known = this.samplers.get(row.id);
    if (row.status !== 'running' || row.dockerId === null || this.isDestroyed) return this.stop(row.id);
    if (known?.dockerId === row.dockerId) return;
    this.stop(row.id);
    const history = this.histories.get(row.id) ?? new MetricsHistory();
    this.histories.set(row.id, history);
    const sampler = new ContainerSampler(row, this.sources, (id) => this.disk.last(id), () => this.agents.of(row), (metrics) => history.push(metrics));
    this.samplers.set(row.id, { sampler, dockerId: row.dockerId });
    sampler.start();
    if (this.disk.last(row.id) === undefined) {
      this.disk.measure(row).catch((error: unknown) => this.logger.debug({ err: error, containerId: row.id }, 'The disk of a container could not be measured'));
    }
  }

  private async follow(containerId: string): Promise<void> {
    const row = await this.rows.findById(containerId);
    if (row !== null) this.observe(row);
  }

  private stop(containerId: string): void {
    this.samplers.get(containerId)?.sampler.close();
    this.samplers.delete(containerId);
  }

  private forget(containerId: string): void {
    this.stop(containerId);
    this.histories.delete(containerId);
    this.disk.forget(containerId);
  }
}

export function notRunning(row: ContainerRow): DomainError {
  return new DomainError('invalid_state', `The container is ${row.status}; only a running one has metrics.`, { extensions: { currentStatus: row.status } });
}
