/** The limit that keeps work from starting: that of its key, or that of all keys together. */
export class ConcurrencyLimitError extends Error {
  constructor(
    readonly scope: 'key' | 'total',
    readonly limit: number,
  ) {
    super(`${limit} run at the same time`);
    this.name = 'ConcurrencyLimitError';
  }
}

/** Refuses work beyond a limit for each key and one for all keys together. Nothing waits. */
export class ConcurrencyLimit {
  private readonly running = new Map<string, number>();
  private total = 0;

  constructor(private readonly max: { perKey: number; total: number }) {}

  /**
   * @returns a function that ends the work
   * @throws ConcurrencyLimitError
   */
  acquire(key: string): () => void {
    const ofKey = this.running.get(key) ?? 0;
    if (ofKey >= this.max.perKey) throw new ConcurrencyLimitError('key', this.max.perKey);
    if (this.total >= this.max.total) throw new ConcurrencyLimitError('total', this.max.total);
    this.running.set(key, ofKey + 1);
    this.total += 1;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.release(key);
    };
  }

  private release(key: string): void {
    const remaining = (this.running.get(key) ?? 1) - 1;
    if (remaining === 0) this.running.delete(key);
    else this.running.set(key, remaining);
    this.total -= 1;
  }
}
