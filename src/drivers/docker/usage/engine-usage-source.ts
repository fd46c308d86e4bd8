import type { EngineClient } from '../engine/engine-client.js';
import { DriverError } from '../../driver-error.js';
import type { UsageRecord } from '../../workspace-usage.js';
import { UsageSource } from '../../workspace-usage.js';

const FIRST_RECORD_MS = 5_000;
/** A stream counts as broken when the record that is due is this late. */
const MAX_DELAY_MS = 4_000;

/** Usage from the engine's stream of statistics, where the cgroup files are not readable. */
export class EngineUsageSource extends UsageSource {
  private readonly stopped = new AbortController();
  private latest: UsageRecord | undefined;
  private receivedAt = 0;
  private failure: Error | undefined;
  private readonly first: Promise<void>;

  /** @param everyMs time between two of the engine's records */
  constructor(
    runtime: EngineClient,
    dockerId: string,
    private readonly everyMs = 1_000,
  ) {
    super();
    this.first = new Promise((resolve) => {
      void this.follow(runtime, dockerId, resolve);
      setTimeout(resolve, FIRST_RECORD_MS).unref();
    });
  }

  async read(): Promise<UsageRecord> {
    if (this.latest === undefined) await this.first;
    if (this.failure !== undefined) throw this.failure;
    if (this.latest === undefined) throw new DriverError('unavailable', 'the engine sent no statistics yet');
    if (performance.now() - this.receivedAt > this.everyMs + MAX_DELAY_MS)
      throw new DriverError('unavailable', 'the engine has stopped sending statistics');
    return this.latest;
  }

  claudeProcesses(): undefined {
    return undefined;
  }

  close(): void {
    this.stopped.abort();
  }

  private async follow(runtime: EngineClient, dockerId: string, onFirst: () => void): Promise<void> {
    try {
      for await (const record of runtime.containers.usage(dockerId, this.stopped.signal)) {
        this.latest = record;
        this.receivedAt = performance.now();
        onFirst();
      }
      this.failure = new DriverError('conflict', 'the container stopped');
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
    onFirst();
  }
}
