/** Messages a client may send at once, and per second in the long run. */
const BURST = 200;
const PER_SECOND = 50;

/** A token bucket over one client's messages. */
export class MessageBudget {
  private tokens = BURST;
  private refilledAt: number;

  constructor(private readonly now: () => number) {
    this.refilledAt = now();
  }

  /** @returns false when the client has used it up */
  spend(): boolean {
    const now = this.now();
    this.tokens = Math.min(BURST, this.tokens + ((now - this.refilledAt) / 1_000) * PER_SECOND);
    this.refilledAt = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
