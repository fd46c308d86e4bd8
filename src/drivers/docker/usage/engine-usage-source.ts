import type { EngineClient } from '../engine/engine-client.js';
import { DriverError } from '../../driver-error.js';
import type { UsageRecord } from '../../workspace-usage.js';
import { UsageSource } from '../../workspace-usage.js';

const FIRST_RECORD_MS = 5_000;
/** The engine tells something about once a second; one that is lost without a word tells nothing any more. */
const LONGEST_SILENCE_MS = 5_000;

/** Follows the engine's stream of statistics, where its files cannot be read from here. */
export class EngineUsageSource extends UsageSource {
  private readonly stopped = new AbortController();
  private latest: UsageRecord | undefined;
  private heardAt = 0;
  private failure: Error | undefined;
  private readonly first: Promise<void>;

  constructor(runtime: EngineClient, dockerId: string) {
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
    if (performance.now() - this.heardAt > LONGEST_SILENCE_MS)
      throw new DriverError('unavailable', 'the engine sends no statistics any more');
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
        this.heardAt = performance.now();
        onFirst();
      }
      this.failure = new DriverError('conflict', 'the container stopped');
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
    onFirst();
  }
}
