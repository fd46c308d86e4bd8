import { DriverError } from '../driver-error.js';
import type { WorkspaceEvent } from '../workspace.js';

interface Watcher {
  onEvent: (event: WorkspaceEvent) => void;
  end: (error?: DriverError) => void;
}

/** The open event streams of a fake driver. */
export class FakeWatchers {
  private readonly watchers = new Set<Watcher>();

  /** @param whenAway registers what to do when the engine goes away @returns a promise of the stream's end */
  add(
    onEvent: (event: WorkspaceEvent) => void,
    signal: AbortSignal,
    whenAway: (listener: () => void) => () => void,
  ): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const watcher: Watcher = {
        onEvent,
        end: (error) => {
          this.watchers.delete(watcher);
          forget();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const forget = whenAway(() => watcher.end(new DriverError('unavailable', 'watch: the stream broke')));
      signal.addEventListener('abort', () => watcher.end(), { once: true });
      this.watchers.add(watcher);
    });
  }

  emit(event: WorkspaceEvent): void {
    for (const { onEvent } of this.watchers) onEvent(event);
  }

  /** Ends every stream without an error, as an engine does that shuts down. */
  endAll(): void {
    for (const watcher of this.watchers) watcher.end();
  }
}
