/** How fast a client may send: `burst` messages at once, `perSecond` messages per second in the long run. */
export interface MessageRate {
  burst: number;
  perSecond: number;
}

const REQUEST_RATE: MessageRate = { burst: 200, perSecond: 50 };
/** Terminal input is cheap to handle and arrives in many messages. A message costs one for each 16 Ki characters. */
export const TERMINAL_INPUT_RATE: MessageRate = { burst: 1_000, perSecond: 300 };

/** A token bucket that limits the messages of one client. */
export class MessageBudget {
  private tokens: number;
  private refilledAt: number;

  constructor(
    private readonly now: () => number,
    private readonly rate = REQUEST_RATE,
  ) {
    this.tokens = rate.burst;
    this.refilledAt = now();
  }

  /** Takes one message, or several, out of the budget. @returns false when too little is left of it */
  spend(count = 1): boolean {
    const now = this.now();
    this.tokens = Math.min(this.rate.burst, this.tokens + ((now - this.refilledAt) / 1_000) * this.rate.perSecond);
    this.refilledAt = now;
    if (this.tokens < count) return false;
    this.tokens -= count;
    return true;
  }
}
