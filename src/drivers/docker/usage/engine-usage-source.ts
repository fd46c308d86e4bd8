import { type ContainerEngine, EngineError, type UsageRecord } from '../engine/container-engine.js';
import { UsageSource } from './usage-source.js';

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

  constructor(runtime: ContainerEngine, dockerId: string) {
    super();
    this.first = new Promise((resolve) => {
      void this.follow(runtime, dockerId, resolve);
      setTimeout(resolve, FIRST_RECORD_MS).unref();
    });
  }

  async read(): Promise<UsageRecord> {
    if (this.latest === undefined) await this.first;
    if (this.failure !== undefined) throw this.failure;
    if (this.latest === undefined) throw new EngineError('unavailable', 'the engine sent no statistics yet');
    if (performance.now() - this.heardAt > LONGEST_SILENCE_MS)
      throw new EngineError('unavailable', 'the engine sends no statistics any more');
    return this.latest;
  }

  claudeProcesses(): undefined {
    return undefined;
  }

  close(): void {
    this.stopped.abort();
  }

  private async follow(runtime: ContainerEngine, dockerId: string, onFirst: () => void): Promise<void> {
    try {
      for await (const record of runtime.containers.usage(dockerId, this.stopped.signal)) {
        this.latest = record;
        this.heardAt = performance.now();
        onFirst();
      }
      this.failure = new EngineError('conflict', 'the container stopped');
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
    onFirst();
  }
}
