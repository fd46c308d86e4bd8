import { Clock } from '../../../src/common/time/clock.js';

/** A clock that a test advances. Sleeping code wakes up when its time is reached. */
export class FakeClock extends Clock {
  private readonly sleepers = new Set<{ until: number; wake: () => void }>();

  constructor(private nowMs = new Date('2026-01-02T03:04:05.678Z').getTime()) {
    super();
  }

  now(): Date {
    return new Date(this.nowMs);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper = {
        until: this.nowMs + ms,
        wake: () => {
          this.sleepers.delete(sleeper);
          resolve();
        },
      };
      this.sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  /** Advances the time, and waits until all work that became ready has run. */
  async advance(ms: number): Promise<void> {
    this.nowMs += ms;
    for (const sleeper of this.sleepers) if (sleeper.until <= this.nowMs) sleeper.wake();
    await settled();
  }
}

/** Waits until all pending microtasks have run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
