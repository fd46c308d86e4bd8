import type { Clock } from '../time/clock.js';

export interface PeriodicTaskOptions {
  /** Time between the end of one run and the start of the next, in milliseconds. */
  intervalMs: number;
  /** Whether the first run starts at once rather than after one interval. */
  immediate?: boolean;
  /** Is called with what a run throws. The next run takes place all the same. */
  onError: (error: unknown) => void;
}

/** Repeats a piece of work, one run at a time, from `start` to `stop`. */
export class PeriodicTask {
  private readonly stopped = new AbortController();
  private triggered = new AbortController();
  private loop: Promise<void> | undefined;

  /** @param run gets a signal that aborts when the task is stopped */
  constructor(
    private readonly clock: Clock,
    private readonly run: (signal: AbortSignal) => Promise<void>,
    private readonly options: PeriodicTaskOptions,
  ) {}

  /** Aborts when the task is stopped. */
  get signal(): AbortSignal {
    return this.stopped.signal;
  }

  /** Does nothing when the task was started before. */
  start(): void {
    this.loop ??= this.repeat();
  }

  /** Brings the next run forward to now. A trigger during a run causes one more run right after it. */
  trigger(): void {
    this.triggered.abort();
  }

  /** Ends the task. Resolves when a run that is under way has ended. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await this.loop;
  }

  private async repeat(): Promise<void> {
    if (this.options.immediate !== true) await this.pause();
    while (!this.stopped.signal.aborted) {
      // Reset before the run, so that a trigger during the run is not lost.
      this.triggered = new AbortController();
      try {
        await this.run(this.stopped.signal);
      } catch (error) {
        this.options.onError(error);
      }
      await this.pause();
    }
  }

  private pause(): Promise<void> {
    return this.clock.sleep(this.options.intervalMs, AbortSignal.any([this.triggered.signal, this.stopped.signal]));
  }
}
