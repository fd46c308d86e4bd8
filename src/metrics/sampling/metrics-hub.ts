import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { DomainError } from '../../common/errors/domain-error.js';
import { CoalescedRefresh } from '../../common/concurrency/coalesced-refresh.js';
import { AgentStates } from '../../agent-state/agent-states.js';
import { DiskUsage } from '../../usage/disk-usage.js';
import type { MetricsDto } from '../../usage/metrics.dto.js';
import { quietAfterClaim } from '../../containers/lifecycle/just-claimed.js';
import { LatestMetrics } from '../../usage/latest-metrics.js';
import { DomainEvents } from '../../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import { ContainerSampler } from './container-sampler.js';
import { MetricsHistory } from './metrics-history.js';
import { type MetricsSubscriber, MetricsSubscribers } from './metrics-subscribers.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { EVERYTHING } from '../../persistence/everything.js';

/** Keeps one sampler for each running container, shared by all of its subscribers. */
@Injectable()
export class MetricsHub extends LatestMetrics implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly samplers = new Map<string, { sampler: ContainerSampler; runtimeId: string }>();
  private readonly subscribers = new MetricsSubscribers();
  private readonly refreshes = new CoalescedRefresh();
  private readonly histories = new Map<string, MetricsHistory>();
  private listeners: (() => void)[] = [];
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
    this.listeners = [
      this.events.on('container.changed', ({ containerId }) => this.refresh(containerId)),
      this.events.on('container.removed', ({ containerId }) => this.forget(containerId)),
    ];
    for (const row of await this.rows.listAll()) this.track(row);
  }

  onModuleDestroy(): void {
    this.isDestroyed = true;
    for (const each of this.listeners) each();
    for (const id of this.samplers.keys()) this.stop(id);
  }

  latest(containerId: string): MetricsDto | undefined {
    return this.samplers.get(containerId)?.sampler.latest;
  }

  /**
   * Takes a sample now.
   * @throws DomainError `invalid_state` when the container does not run
   * @throws DriverError when the engine is unavailable
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

  /** Recent samples, oldest first. */
  history(containerId: string, windowMs: number): MetricsDto[] {
    return this.histories.get(containerId)?.since(Date.now() - windowMs) ?? [];
  }

  /** @returns a function that ends the subscription */
  subscribe(containerId: string, subscriber: MetricsSubscriber): () => void {
    return this.subscribers.add(containerId, subscriber, this.samplers.get(containerId)?.sampler);
  }

  /** Starts or stops sampling the container, depending on its status. */
  track(row: ContainerRow): void {
    const known = this.samplers.get(row.id);
    if (this.isDestroyed) return;
    if (row.status !== 'running' || row.runtimeId === null) return this.pause(row);
    if (known?.runtimeId === row.runtimeId) return known.sampler.update(row);
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
    this.subscribers.attach(row.id, sampler);
    sampler.start();
    if (this.disk.last(row.id) !== undefined) return;
    const delayMs = quietAfterClaim(row, new Date());
    if (delayMs === 0) this.measureDisk(row);
    else setTimeout(() => this.samplers.get(row.id)?.sampler === sampler && this.measureDisk(row), delayMs).unref();
  }

  private measureDisk(row: ContainerRow): void {
    this.disk
      .measure(row)
      .catch((error: unknown) =>
        this.logger.debug({ err: error, containerId: row.id }, 'The disk of a container could not be measured'),
      );
  }

  private async refresh(containerId: string): Promise<void> {
    try {
      await this.refreshes.run(
        containerId,
        () => this.rows.findById(containerId, EVERYTHING),
        (row) => (row === null ? this.forget(containerId) : this.track(row)),
      );
    } catch (error) {
      this.logger.debug({ err: error, containerId }, 'A container could not be looked up');
    }
  }

  private failed(row: ContainerRow, error: unknown): void {
    this.logger.debug({ err: error, containerId: row.id }, 'A container could not be sampled');
    const reason = reasonFor(row, error);
    for (const subscriber of this.subscribers.of(row.id)) subscriber.onFailure(reason);
    // The container may have stopped without an event, for example by another process. An unavailable engine does not mean that.
    if (!isUnavailable(error)) void this.refresh(row.id);
  }

  private pause(row: ContainerRow): void {
    if (!this.samplers.has(row.id)) return;
    this.stop(row.id);
    for (const subscriber of this.subscribers.of(row.id)) subscriber.onFailure(notRunning(row));
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
    for (const subscriber of this.subscribers.of(containerId)) subscriber.onRemoved();
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof DriverError && error.code === 'unavailable';
}

/** The error to report when a container could not be sampled that is running according to its row. */
function reasonFor(row: ContainerRow, error: unknown): unknown {
  const isOther = error instanceof DriverError && error.code !== 'conflict' && error.code !== 'not_found';
  if (isOther) return error;
  return row.status === 'running'
    ? new DomainError('invalid_state', 'The container does not run at the engine.', { cause: error })
    : notRunning(row);
}

export function notRunning(row: ContainerRow): DomainError {
  return new DomainError('invalid_state', `The container is ${row.status}; only a running one has metrics.`, {
    extensions: { currentStatus: row.status },
  });
}
