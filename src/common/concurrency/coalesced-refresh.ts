interface Refresh {
  requestedAgain: boolean;
}

/**
 * Looks values up by key, one look-up at a time for each key. Requests that arrive during a look-up share the next
 * one, so an older value never follows a newer one and a burst of changes costs two look-ups.
 */
export class CoalescedRefresh {
  private readonly inProgress = new Map<string, Refresh>();

  /**
   * @param lookUp reads the present value
   * @param onValue is called with the value, unless the key was dropped in the meantime
   * @returns a promise of all look-ups that this call runs; it resolves at once when another call runs them
   */
  async run<Value>(key: string, lookUp: () => Promise<Value>, onValue: (value: Value) => void): Promise<void> {
    const known = this.inProgress.get(key);
    if (known !== undefined) return void (known.requestedAgain = true);
    const refresh = { requestedAgain: false };
    this.inProgress.set(key, refresh);
    try {
      do {
        refresh.requestedAgain = false;
        const value = await lookUp();
        if (this.inProgress.get(key) !== refresh) return;
        onValue(value);
      } while (refresh.requestedAgain);
    } finally {
      if (this.inProgress.get(key) === refresh) this.inProgress.delete(key);
    }
  }

  /** Discards the result of a look-up that is under way for the key. */
  drop(key: string): void {
    this.inProgress.delete(key);
  }
}
