import type { AgentDto } from '../../agent-state/agent.dto.js';
import type { AgentPresenceDto, MetricsDto } from '../../usage/metrics.dto.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { UsageRecord, UsageSource } from '../../drivers/workspace-usage.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { toMetrics } from './to-metrics.js';

/** How often a container is sampled that nobody watches. */
export const BACKGROUND_INTERVAL_MS = 5_000;
/** Readings closer than this tell nothing about rates. */
const SHORTEST_SPAN_MS = 100;
const MOST_WAITS = 20;
const REOPEN_MS = 1_000;

export interface SampleSubscriber {
  intervalMs: number;
  onMetrics(metrics: MetricsDto): void;
}

interface Due {
  watcher: SampleSubscriber;
  at: number;
}

export interface SamplerListener {
  /** A sample of the resting beat. */
  onSample(metrics: MetricsDto): void;
  /** Watchers did not get what was due, and will be served when it works again. */
  onFailure(error: unknown): void;
}

/**
 * Samples one container, once for all who watch it. Every interval ticks at its multiples of a clock that
 * nobody sets, so watchers of the same interval share a sample whenever they came.
 */
export class ContainerSampler {
  latest: MetricsDto | undefined;
  private readonly due = new Map<SampleSubscriber, Due>();
  private source: UsageSource | undefined;
  private before: UsageRecord | undefined;
  private agent: AgentPresenceDto | null = null;
  private timer: NodeJS.Timeout | undefined;
  private sampling: Promise<MetricsDto> | undefined;
  private ticking = false;
  private closed = false;
  private restingAt: number;

  constructor(
    private readonly row: ContainerRow,
    private readonly driver: Pick<WorkspaceDriver, 'usage'>,
    private readonly diskUsedMB: (id: string) => number | undefined,
    private readonly agentState: () => AgentDto | null,
    private readonly listener: SamplerListener,
  ) {
    this.restingAt = this.nextTick(BACKGROUND_INTERVAL_MS, monotonicNow());
  }

  start(): void {
    this.schedule();
  }

  subscribe(watcher: SampleSubscriber): () => void {
    this.due.set(watcher, { watcher, at: this.nextTick(watcher.intervalMs, monotonicNow()) });
    this.schedule();
    return () => {
      this.due.delete(watcher);
      this.schedule();
    };
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.release();
  }

  /** A sample of now; whoever asks while it is taken gets the same. */
  sample(): Promise<MetricsDto> {
    this.sampling ??= this.take().finally(() => {
      this.sampling = undefined;
    });
    return this.sampling;
  }

  private async take(): Promise<MetricsDto> {
    let record = await this.read();
    if (this.before === undefined || record.monotonicMs - this.before.monotonicMs < SHORTEST_SPAN_MS) {
      if (this.latest !== undefined && this.before !== undefined) {
        this.seeAgent(record.at);
        if (this.agent !== this.latest.agent) this.latest = { ...this.latest, agent: this.agent };
        return this.latest;
      }
      const first = record;
      this.before = first;
      // The engine's stream has a new reading about once a second.
      for (let waits = 0; waits < MOST_WAITS && record.monotonicMs - first.monotonicMs < SHORTEST_SPAN_MS; waits++) {
        await new Promise((resolve) => setTimeout(resolve, SHORTEST_SPAN_MS));
        record = await this.readFrom(this.source);
      }
    }
    this.seeAgent(record.at);
    this.latest = toMetrics(this.row, record, this.before, this.diskUsedMB(this.row.id), this.agent);
    this.before = record;
    return this.latest;
  }

  /** A source that fails may be one of before the container was restarted. */
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

  /** What a source reads after it was closed may be another container's: its descriptors have new owners. */
  private async readFrom(source: UsageSource | undefined): Promise<UsageRecord> {
    const record = this.closed ? undefined : await source?.read();
    if (record === undefined || this.closed) throw new Error('the container is no longer sampled');
    return record;
  }

  /** Containers tick apart from one another, so that a thousand watchers are not served in one moment. */
  private nextTick(intervalMs: number, after: number): number {
    const phase = Number.parseInt(this.row.id.slice(0, 4), 16) % intervalMs;
    return Math.floor((after - phase) / intervalMs + 1) * intervalMs + phase;
  }

  private schedule(): void {
    if (this.closed || this.ticking) return;
    clearTimeout(this.timer);
    let next = this.restingAt;
    for (const { at } of this.due.values()) next = Math.min(next, at);
    this.timer = setTimeout(() => void this.tick(), Math.max(0, next - Math.floor(performance.now())));
  }

  private async tick(): Promise<void> {
    const now = monotonicNow();
    this.ticking = true;
    try {
      this.hand(await this.sample(), now);
    } catch (error) {
      this.release();
      for (const due of this.due.values()) due.at = Math.max(due.at, now + REOPEN_MS);
      if (!this.closed) this.listener.onFailure(error);
    }
    if (now >= this.restingAt) this.restingAt = this.nextTick(BACKGROUND_INTERVAL_MS, monotonicNow());
    this.ticking = false;
    this.schedule();
  }

  /** To all whose tick it is. */
  private hand(metrics: MetricsDto, now: number): void {
    if (this.closed) return;
    if (now >= this.restingAt) this.listener.onSample(metrics);
    for (const due of this.due.values()) {
      if (due.at > now) continue;
      due.at = this.nextTick(due.watcher.intervalMs, monotonicNow());
      due.watcher.onMetrics(metrics);
    }
  }

  private release(): void {
    this.source?.close();
    this.source = undefined;
    this.before = undefined;
  }

  /** Where nothing better is known, the process table tells that it runs. */
  private seeAgent(at: number): void {
    const told = this.agentState();
    if (told !== null) return void (this.agent = told);
    const processes = this.source?.claudeProcesses();
    if (processes === undefined) return void (this.agent = null);
    const active = processes.length > 0;
    if (this.agent?.active === active && this.agent.state === (active ? null : 'none')) return;
    this.agent = { active, state: active ? null : 'none', since: new Date(at).toISOString(), waitingFor: null };
  }
}

/** Rounded up, since a timer may fire a fraction of a millisecond early. */
function monotonicNow(): number {
  return Math.ceil(performance.now());
}
