import { Clock } from '../../../src/common/time/clock.js';

/** Time that a test moves. Whoever sleeps wakes when it has been moved far enough. */
export class FakeClock extends Clock {
  private readonly sleepers = new Set<{ until: number; wake: () => void }>();

  constructor(private present = new Date('2026-01-02T03:04:05.678Z').getTime()) {
    super();
  }

  now(): Date {
    return new Date(this.present);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper = {
        until: this.present + ms,
        wake: () => {
          this.sleepers.delete(sleeper);
          resolve();
        },
      };
      this.sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  /** Moves time on, and lets everything that follows from it happen. */
  async advance(ms: number): Promise<void> {
    this.present += ms;
    for (const sleeper of this.sleepers) if (sleeper.until <= this.present) sleeper.wake();
    await settled();
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
