import { type EngineEvent, type EngineInfo, RuntimeEngine, EngineError } from '../docker/engine/container-engine.js';
import type { FakeFaults } from './fake-faults.js';

interface Watcher {
  onEvent: (event: EngineEvent) => void;
  end: (error?: EngineError) => void;
}

export class FakeEngine extends RuntimeEngine {
  present: EngineInfo = { version: '20.10.24', cpus: 4 };
  private readonly watchers = new Set<Watcher>();

  constructor(private readonly faults: FakeFaults) {
    super();
  }

  async ping(): Promise<void> {
    await this.faults.pass('engine.ping');
  }

  async info(): Promise<EngineInfo> {
    await this.faults.pass('engine.info');
    return this.present;
  }

  async watch(onEvent: (event: EngineEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void> {
    await this.faults.pass('engine.watch');
    if (signal.aborted) return;
    const ended = new Promise<void>((resolve, reject) => {
      const watcher: Watcher = {
        onEvent,
        end: (error) => {
          this.watchers.delete(watcher);
          forget();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const forget = this.faults.whenAway(() =>
        watcher.end(new EngineError('unavailable', 'watch events: the stream broke')),
      );
      signal.addEventListener('abort', () => watcher.end(), { once: true });
      this.watchers.add(watcher);
    });
    onReady();
    await ended;
  }

  /** Tells every watcher what happened to a container. */
  emit(action: string, dockerId: string, labels: Record<string, string>): void {
    for (const { onEvent } of this.watchers) onEvent({ action, dockerId, labels, at: new Date() });
  }

  /** Ends every event stream in good order, as an engine does that is told to stop. */
  endWatches(): void {
    for (const watcher of this.watchers) watcher.end();
  }
}
