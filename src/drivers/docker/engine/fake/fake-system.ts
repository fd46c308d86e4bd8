import { type EngineEvent, EngineSystem } from '../engine-client.js';
import type { EngineProfile } from '../profile/engine-profile.js';
import { DriverError } from '../../../driver-error.js';
import type { FakeFaults } from '../../../fake/fake-faults.js';
import type { FakeEngineCall } from './fake-calls.js';

const DOCKER: EngineProfile = {
  name: 'Docker',
  version: '20.10.24',
  apiVersion: '1.41',
  os: 'linux',
  cpus: 4,
  memoryMiB: 8_192,
  isRootless: false,
  limits: { cpu: true, memory: true, pids: true },
  canPause: true,
  canFence: true,
  measuresUsage: true,
  log: { driver: 'local', options: {}, times: 'epoch-seconds', maxTail: Number.MAX_SAFE_INTEGER },
  isolation: 'within-bridge',
  statisticsEveryMs: 1_000,
};

interface Watcher {
  onEvent: (event: EngineEvent) => void;
  end: (error?: DriverError) => void;
}

export class FakeSystem extends EngineSystem {
  present: EngineProfile = DOCKER;
  /** What the engine measures, by name of the volume. */
  readonly sizes = new Map<string, number>();
  private readonly watchers = new Set<Watcher>();

  constructor(private readonly faults: FakeFaults<FakeEngineCall>) {
    super();
  }

  async ping(): Promise<void> {
    await this.faults.pass('system.ping');
  }

  async info(): Promise<EngineProfile> {
    await this.faults.pass('system.info');
    return this.present;
  }

  async volumeBytes(): Promise<Map<string, number>> {
    await this.faults.pass('system.volumeBytes');
    return new Map(this.sizes);
  }

  async watch(onEvent: (event: EngineEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void> {
    await this.faults.pass('system.watch');
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
        watcher.end(new DriverError('unavailable', 'watch events: the stream broke')),
      );
      signal.addEventListener('abort', () => watcher.end(), { once: true });
      this.watchers.add(watcher);
    });
    onReady();
    await ended;
  }

  /** Sends an event to every watcher. */
  emit(action: string, dockerId: string, labels: Record<string, string>): void {
    for (const { onEvent } of this.watchers) onEvent({ action, dockerId, labels, at: new Date() });
  }

  /** Ends every event stream without an error, as an engine does that shuts down. */
  endWatches(): void {
    for (const watcher of this.watchers) watcher.end();
  }
}
