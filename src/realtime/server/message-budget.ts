/** Messages a client may send at once, and per second in the long run. */
export interface MessageRate {
  burst: number;
  perSecond: number;
}

const REQUESTS: MessageRate = { burst: 200, perSecond: 50 };
/** What is typed costs little each; a pasted megabyte comes in 64 pieces. */
export const TERMINAL_INPUT_RATE: MessageRate = { burst: 1_000, perSecond: 300 };

/** A token bucket over one client's messages. */
export class MessageBudget {
  private tokens: number;
  private refilledAt: number;

  constructor(
    private readonly now: () => number,
    private readonly rate = REQUESTS,
  ) {
    this.tokens = rate.burst;
    this.refilledAt = now();
  }

  /** @returns false when the client has used it up */
  spend(): boolean {
    const now = this.now();
    this.tokens = Math.min(this.rate.burst, this.tokens + ((now - this.refilledAt) / 1_000) * this.rate.perSecond);
    this.refilledAt = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
