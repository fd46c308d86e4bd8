import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { DomainError } from '../../common/errors/domain-error.js';
import { CoalescedRefresh } from '../../common/concurrency/coalesced-refresh.js';
import { AgentStates } from '../../agent-state/agent-states.js';
import { DiskUsage } from '../../usage/disk-usage.js';
import type { MetricsDto } from '../../usage/metrics.dto.js';
import { LatestMetrics } from '../../usage/latest-metrics.js';
import { DomainEvents } from '../../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import { ContainerSampler } from './container-sampler.js';
import { MetricsHistory } from './metrics-history.js';
import { type MetricsSubscriber, MetricsSubscribers } from './metrics-subscribers.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';

/** Holds one sampler for each running container, however many watch it. */
@Injectable()
export class MetricsHub extends LatestMetrics implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly samplers = new Map<string, { sampler: ContainerSampler; runtimeId: string }>();
  private readonly watchers = new MetricsSubscribers();
  private readonly refreshes = new CoalescedRefresh();
  private readonly histories = new Map<string, MetricsHistory>();
  private unsubscribe: (() => void)[] = [];
  private isDestroyed = false;

  constructor(
    private readonly rows: ContainersRepository,
    private readonly driver: WorkspaceDriver,
    private readonly disk: DiskUsage,
    private readonly agents: AgentStates,
    private readonly events: DomainEvents,
    @InjectPinoLogger(MetricsHub.name) private readonly logger: PinoLogger,
  ) {
    super();
  }

  async onApplicationBootstrap(): Promise<void> {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => this.refresh(containerId)),
      this.events.on('container.removed', ({ containerId }) => this.forget(containerId)),
    ];
    for (const row of await this.rows.listAll()) this.track(row);
  }

  onModuleDestroy(): void {
    this.isDestroyed = true;
    for (const each of this.unsubscribe) each();
    for (const id of this.samplers.keys()) this.stop(id);
  }

  latest(containerId: string): MetricsDto | undefined {
    return this.samplers.get(containerId)?.sampler.latest;
  }

  /**
   * @throws DomainError `invalid_state` when the container does not run
   * @throws DriverError when the engine cannot be asked
   */
  async now(row: ContainerRow): Promise<MetricsDto> {
    this.track(row);
    const sampler = this.samplers.get(row.id)?.sampler;
    if (sampler === undefined) throw notRunning(row);
    try {
      return await sampler.sample();
    } catch (error) {
      this.logger.debug({ err: error, containerId: row.id }, 'A container could not be sampled');
      void this.refresh(row.id);
      throw reasonFor(row, error);
    }
  }

  /** Recent points, oldest first. */
  history(containerId: string, windowMs: number): MetricsDto[] {
    return this.histories.get(containerId)?.since(Date.now() - windowMs) ?? [];
  }

  /** @returns a function that ends it */
  subscribe(containerId: string, watcher: MetricsSubscriber): () => void {
    return this.watchers.add(containerId, watcher, this.samplers.get(containerId)?.sampler);
  }

  /** Starts or stops sampling by what the row says. */
  track(row: ContainerRow): void {
    const known = this.samplers.get(row.id);
    if (this.isDestroyed) return;
    if (row.status !== 'running' || row.runtimeId === null) return this.pause(row);
    if (known?.runtimeId === row.runtimeId) return;
    this.stop(row.id);
    const history = this.histories.get(row.id) ?? new MetricsHistory();
    this.histories.set(row.id, history);
    const sampler = new ContainerSampler(
      row,
      this.driver,
      (id) => this.disk.last(id),
      () => this.agents.of(row),
      {
        onSample: (metrics) => history.push(metrics),
        onFailure: (error) => this.failed(row, error),
      },
    );
    this.samplers.set(row.id, { sampler, runtimeId: row.runtimeId });
    this.watchers.serve(row.id, sampler);
    sampler.start();
    if (this.disk.last(row.id) === undefined) {
      this.disk
        .measure(row)
        .catch((error: unknown) =>
          this.logger.debug({ err: error, containerId: row.id }, 'The disk of a container could not be measured'),
        );
    }
  }

  private async refresh(containerId: string): Promise<void> {
    try {
      await this.refreshes.run(
        containerId,
        () => this.rows.findById(containerId),
        (row) => (row === null ? this.forget(containerId) : this.track(row)),
      );
    } catch (error) {
      this.logger.debug({ err: error, containerId }, 'A container could not be looked up');
    }
  }

  private failed(row: ContainerRow, error: unknown): void {
    this.logger.debug({ err: error, containerId: row.id }, 'A container could not be sampled');
    const reason = reasonFor(row, error);
    for (const watcher of this.watchers.of(row.id)) watcher.onFailure(reason);
    // It may have stopped without a word, by another process for example. An engine that is away says nothing of it.
    if (!isAway(error)) void this.refresh(row.id);
  }

  private pause(row: ContainerRow): void {
    if (!this.samplers.has(row.id)) return;
    this.stop(row.id);
    for (const watcher of this.watchers.of(row.id)) watcher.onFailure(notRunning(row));
  }

  private stop(containerId: string): void {
    this.samplers.get(containerId)?.sampler.close();
    this.samplers.delete(containerId);
  }

  private forget(containerId: string): void {
    this.refreshes.drop(containerId);
    this.stop(containerId);
    this.histories.delete(containerId);
    this.disk.forget(containerId);
    for (const watcher of this.watchers.of(containerId)) watcher.onRemoved();
  }
}

function isAway(error: unknown): boolean {
  return error instanceof DriverError && error.code === 'unavailable';
}

/** Why there is no sample of a container that runs, as far as its row says. */
function reasonFor(row: ContainerRow, error: unknown): unknown {
  const isThere = error instanceof DriverError && error.code !== 'conflict' && error.code !== 'not_found';
  if (isThere) return error;
  return row.status === 'running'
    ? new DomainError('invalid_state', 'The container does not run at the engine.', { cause: error })
    : notRunning(row);
}

export function notRunning(row: ContainerRow): DomainError {
  return new DomainError('invalid_state', `The container is ${row.status}; only a running one has metrics.`, {
    extensions: { currentStatus: row.status },
  });
}
