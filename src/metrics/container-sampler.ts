import type { AgentPresence, MetricsDto } from '../containers/dto/metrics.dto.js';
import type { ContainerRow } from '../persistence/containers.repository.js';
import type { UsageRecord } from '../runtime/container-runtime.js';
import type { UsageSource, UsageSources } from './sources/usage-source.js';
import { toMetrics } from './to-metrics.js';

/** How often a container is sampled that nobody watches. */
export const RESTING_INTERVAL_MS = 5_000;
/** Readings closer than this tell nothing about rates. */
const SHORTEST_SPAN_MS = 100;
const REOPEN_MS = 1_000;

export interface Watcher {
  intervalMs: number;
  onMetrics(metrics: MetricsDto): void;
}

interface Due {
  watcher: Watcher;
  at: number;
}

/**
 * Samples one container, once for all who watch it. Every interval ticks at its multiples of the clock,
 * so watchers of the same interval share a sample whenever they came.
 */
export class ContainerSampler {
  latest: MetricsDto | undefined;
  private readonly due = new Map<Watcher, Due>();
  private source: UsageSource | undefined;
  private before: UsageRecord | undefined;
  private agent: AgentPresence | null = null;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private restingAt = 0;

  constructor(
    private readonly row: ContainerRow,
    private readonly sources: UsageSources,
    private readonly diskUsedMB: (id: string) => number | undefined,
    private readonly onSample: (metrics: MetricsDto) => void,
  ) {}

  start(): void {
    this.schedule();
  }

  watch(watcher: Watcher): () => void {
    this.due.set(watcher, { watcher, at: this.nextTick(watcher.intervalMs) });
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

  /** A sample of now, taken for one reader. */
  async sample(): Promise<MetricsDto> {
    this.source ??= await this.sources.open(this.row.dockerId!);
    if (this.closed) {
      this.release();
      throw new Error('the container is no longer sampled');
    }
    let record = await this.source.read();
    if (this.before === undefined || record.at - this.before.at < SHORTEST_SPAN_MS) {
      if (this.latest !== undefined && this.before !== undefined) return this.latest;
      this.before = record;
      await new Promise((resolve) => setTimeout(resolve, SHORTEST_SPAN_MS));
      record = await this.source.read();
    }
    this.seeAgent(this.source.claudeProcesses(), record.at);
    this.latest = toMetrics(this.row, record, this.before, this.diskUsedMB(this.row.id), this.agent);
    this.before = record;
    return this.latest;
  }

  /** Containers tick apart from one another, so that a thousand watchers are not served in one moment. */
  private nextTick(intervalMs: number): number {
    const phase = Number.parseInt(this.row.id.slice(0, 4), 16) % intervalMs;
    return Math.floor((Date.now() - phase) / intervalMs + 1) * intervalMs + phase;
  }

  private schedule(): void {
    if (this.closed) return;
    clearTimeout(this.timer);
    if (this.restingAt <= Date.now()) this.restingAt = this.nextTick(RESTING_INTERVAL_MS);
    let next = this.restingAt;
    for (const { at } of this.due.values()) next = Math.min(next, at);
    this.timer = setTimeout(() => void this.tick(), Math.max(0, next - Date.now()));
  }

  private async tick(): Promise<void> {
    const now = Date.now();
    try {
      const metrics = await this.sample();
      if (now >= this.restingAt) this.onSample(metrics);
      for (const due of this.due.values()) {
        if (due.at > now) continue;
        due.at = this.nextTick(due.watcher.intervalMs);
        due.watcher.onMetrics(metrics);
      }
    } catch {
      // It stopped, or its files vanished with a restart: what the row says next decides.
      this.release();
      for (const due of this.due.values()) due.at = Math.max(due.at, now + REOPEN_MS);
    }
    this.schedule();
  }

  private release(): void {
    this.source?.close();
    this.source = undefined;
    this.before = undefined;
  }

  private seeAgent(processes: number[] | undefined, at: number): void {
    if (processes === undefined) return void (this.agent = null);
    const active = processes.length > 0;
    if (this.agent?.active === active) return;
    this.agent = { active, state: active ? null : 'none', since: new Date(at).toISOString() };
  }
}
