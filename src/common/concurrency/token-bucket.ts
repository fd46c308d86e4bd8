/** `burst` actions at once, `perSecond` actions per second in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** A token bucket: limits how often something may be done. */
export class TokenBucket {
  private level: number;
  private refilledAt: number;

  /** @param now the current time in milliseconds */
  constructor(
    private readonly now: () => number,
    private readonly rate: Rate,
  ) {
    this.level = rate.burst;
    this.refilledAt = now();
  }

  /** Actions that are possible at the moment; below 0 when others took more than there was. */
  get tokens(): number {
    const now = this.now();
    this.level = Math.min(this.rate.burst, this.level + ((now - this.refilledAt) / 1_000) * this.rate.perSecond);
    this.refilledAt = now;
    return this.level;
  }

  get isFull(): boolean {
    return this.tokens >= this.rate.burst;
  }

  /** Takes one token, or several. @returns false, and takes none, when there are too few */
  spend(count = 1): boolean {
    if (this.tokens < count) return false;
    this.level -= count;
    return true;
  }

  /** Takes tokens for what was done elsewhere. The debt is at most one burst. */
  charge(count: number): void {
    this.level = Math.max(-this.rate.burst, this.tokens - count);
  }

  /** Seconds until so many tokens are there. */
  secondsUntil(count: number): number {
    return Math.max(0, (count - this.tokens) / this.rate.perSecond);
  }
}
