export interface SemaphoreOptions {
  /** How many callers may wait for a permit; unlimited by default. */
  maxWaiting?: number;
  /** How long a caller may wait for a permit, in milliseconds; unlimited by default. */
  maxWaitMs?: number;
}

/** No permit became available: too many callers wait already, or this one has waited too long. */
export class NoPermitError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoPermitError';
  }
}

/** Limits how much work runs at once. Callers beyond the limit wait and are served in order of arrival. */
export class Semaphore {
  private inUse = 0;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly permits: number,
    private readonly options: SemaphoreOptions = {},
  ) {}

  /** Whether no permit is in use. Nobody waits then. */
  get isIdle(): boolean {
    return this.inUse === 0;
  }

  /**
   * @param signal ends the waiting
   * @returns a function that releases the permit
   * @throws NoPermitError, or the reason of the signal
   */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    if (this.inUse < this.permits) this.inUse += 1;
    else await this.wait(signal);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.release();
    };
  }

  /** Runs `work` with a permit. @throws NoPermitError, or what the work throws */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const release = await this.acquire();
    try {
      return await work();
    } finally {
      release();
    }
  }

  private wait(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { maxWaiting = Infinity, maxWaitMs } = this.options;
    if (this.waiting.size >= maxWaiting) throw new NoPermitError(`${maxWaiting} callers wait already`);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        this.waiting.delete(enter);
        signal?.removeEventListener('abort', onAbort);
      };
      const enter = (): void => {
        leave();
        resolve();
      };
      const onAbort = (): void => {
        leave();
        reject(signal?.reason as Error);
      };
      const onTimeout = (): void => {
        leave();
        reject(new NoPermitError(`no permit within ${maxWaitMs} ms`));
      };
      const timer = maxWaitMs === undefined ? undefined : setTimeout(onTimeout, maxWaitMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.add(enter);
    });
  }

  /** The permit passes to the caller that has waited longest, so that nobody can overtake it. */
  private release(): void {
    const [next] = this.waiting;
    if (next === undefined) this.inUse -= 1;
    else next();
  }
}

/** A {@link Semaphore} for each key. */
export class KeyedSemaphore {
  private readonly semaphores = new Map<string, Semaphore>();

  constructor(
    private readonly permits: number,
    private readonly options: SemaphoreOptions = {},
  ) {}

  /** As {@link Semaphore.acquire}, for the permits of `key`. */
  async acquire(key: string, signal?: AbortSignal): Promise<() => void> {
    const semaphore = this.semaphores.get(key) ?? new Semaphore(this.permits, this.options);
    this.semaphores.set(key, semaphore);
    const release = await semaphore.acquire(signal);
    return () => {
      release();
      if (semaphore.isIdle && this.semaphores.get(key) === semaphore) this.semaphores.delete(key);
    };
  }
}
