import type { AgentDto } from '../../agent-state/agent.dto.js';
import type { AgentPresenceDto, MetricsDto } from '../../usage/metrics.dto.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { UsageRecord, UsageSource } from '../../drivers/workspace-usage.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { toMetrics } from './to-metrics.js';

/** Sampling interval of a container without subscribers. */
export const BACKGROUND_INTERVAL_MS = 5_000;
/** Rates need two readings at least this far apart. */
const MIN_SPAN_MS = 100;
const MAX_WAITS = 20;
const REOPEN_DELAY_MS = 1_000;

export interface SampleSubscriber {
  intervalMs: number;
  onMetrics(metrics: MetricsDto): void;
}

interface Due {
  subscriber: SampleSubscriber;
  at: number;
}

export interface SamplerListener {
  /** Gets the samples of the background interval. */
  onSample(metrics: MetricsDto): void;
  /** A sample failed, so that subscribers did not get theirs. Sampling is tried again. */
  onFailure(error: unknown): void;
}

/**
 * Samples one container for all of its subscribers. Every interval ticks at its multiples on the monotonic clock, so that
 * subscribers with the same interval share samples whenever they subscribed.
 */
export class ContainerSampler {
  latest: MetricsDto | undefined;
  private readonly due = new Map<SampleSubscriber, Due>();
  private source: UsageSource | undefined;
  private previous: UsageRecord | undefined;
  private agent: AgentPresenceDto | null = null;
  private timer: NodeJS.Timeout | undefined;
  private sampling: Promise<MetricsDto> | undefined;
  private ticking = false;
  private closed = false;
  private backgroundAt: number;

  constructor(
    private row: ContainerRow,
    private readonly driver: Pick<WorkspaceDriver, 'usage'>,
    private readonly diskUsedMB: (id: string) => number | undefined,
    private readonly agentState: () => AgentDto | null,
    private readonly listener: SamplerListener,
  ) {
    this.backgroundAt = this.nextTick(BACKGROUND_INTERVAL_MS, monotonicNow());
  }

  start(): void {
    this.schedule();
  }

  subscribe(subscriber: SampleSubscriber): () => void {
    this.due.set(subscriber, { subscriber, at: this.nextTick(subscriber.intervalMs, monotonicNow()) });
    this.schedule();
    return () => {
      this.due.delete(subscriber);
      this.schedule();
    };
  }

  /** Later samples are compared with the limits of this row. */
  update(row: ContainerRow): void {
    this.row = row;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.release();
  }

  /** Takes a sample. Concurrent calls share one. @throws DriverError, or Error when the sampler is closed */
  sample(): Promise<MetricsDto> {
    this.sampling ??= this.take().finally(() => {
      this.sampling = undefined;
    });
    return this.sampling;
  }

  private async take(): Promise<MetricsDto> {
    let record = await this.read();
    if (this.previous === undefined || record.monotonicMs - this.previous.monotonicMs < MIN_SPAN_MS) {
      if (this.latest !== undefined && this.previous !== undefined) {
        this.updateAgent(record.at);
        if (this.agent !== this.latest.agent) this.latest = { ...this.latest, agent: this.agent };
        return this.latest;
      }
      const first = record;
      this.previous = first;
      // The statistics stream of the engine has a new reading about once a second.
      for (let waits = 0; waits < MAX_WAITS && record.monotonicMs - first.monotonicMs < MIN_SPAN_MS; waits++) {
        await new Promise((resolve) => setTimeout(resolve, MIN_SPAN_MS));
        record = await this.readFrom(this.source);
      }
    }
    this.updateAgent(record.at);
    this.latest = toMetrics(this.row, record, this.previous, this.diskUsedMB(this.row.id), this.agent);
    this.previous = record;
    return this.latest;
  }

  /** A failing source may belong to the run before a restart of the container, so it is opened again once. */
  private async read(): Promise<UsageRecord> {
    if (this.source !== undefined) {
      try {
        return await this.readFrom(this.source);
      } catch {
        this.release();
      }
    }
    const opened = this.closed ? undefined : await this.driver.usage(workspaceOf(this.row));
    if (this.closed) opened?.close();
    else this.source = opened;
    return this.readFrom(this.source);
  }

  /** A closed source must not be read: its file descriptors may belong to another container by then. */
  private async readFrom(source: UsageSource | undefined): Promise<UsageRecord> {
    const record = this.closed ? undefined : await source?.read();
    if (record === undefined || this.closed) throw new Error('the container is no longer sampled');
    return record;
  }

  /** The phase depends on the container, so that not all containers are sampled at the same moment. */
  private nextTick(intervalMs: number, after: number): number {
    const phase = Number.parseInt(this.row.id.slice(0, 4), 16) % intervalMs;
    return Math.floor((after - phase) / intervalMs + 1) * intervalMs + phase;
  }

  private schedule(): void {
    if (this.closed || this.ticking) return;
    clearTimeout(this.timer);
    let next = this.backgroundAt;
    for (const { at } of this.due.values()) next = Math.min(next, at);
    this.timer = setTimeout(() => void this.tick(), Math.max(0, next - Math.floor(performance.now())));
  }

  private async tick(): Promise<void> {
    const now = monotonicNow();
    this.ticking = true;
    try {
      this.deliver(await this.sample(), now);
    } catch (error) {
      this.release();
      for (const due of this.due.values()) due.at = Math.max(due.at, now + REOPEN_DELAY_MS);
      if (!this.closed) this.listener.onFailure(error);
    }
    if (now >= this.backgroundAt) this.backgroundAt = this.nextTick(BACKGROUND_INTERVAL_MS, monotonicNow());
    this.ticking = false;
    this.schedule();
  }

  /** Passes a sample to all subscribers whose tick is due. */
  private deliver(metrics: MetricsDto, now: number): void {
    if (this.closed) return;
    if (now >= this.backgroundAt) this.listener.onSample(metrics);
    for (const due of this.due.values()) {
      if (due.at > now) continue;
      due.at = this.nextTick(due.subscriber.intervalMs, monotonicNow());
      due.subscriber.onMetrics(metrics);
    }
  }

  private release(): void {
    this.source?.close();
    this.source = undefined;
    this.previous = undefined;
  }

  /** Uses the known state of the agent, or else the processes of the container. */
  private updateAgent(at: number): void {
    const known = this.agentState();
    if (known !== null) return void (this.agent = known);
    const processes = this.source?.claudeProcesses();
    if (processes === undefined) return void (this.agent = null);
    const active = processes.length > 0;
    if (this.agent?.active === active && this.agent.state === (active ? null : 'none')) return;
    this.agent = {
      active,
      state: active ? null : 'none',
      since: new Date(at).toISOString(),
      waitingFor: null,
      modelProblem: null,
    };
  }
}

/** Rounded up, because a timer may fire a fraction of a millisecond early. */
function monotonicNow(): number {
  return Math.ceil(performance.now());
}
