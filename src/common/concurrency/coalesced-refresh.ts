interface Refresh {
  again: boolean;
}

/**
 * One look-up at a time for each key, and one more when it changed in the meantime: so an older answer never comes
 * after a newer one, and a burst of changes costs two look-ups.
 */
export class CoalescedRefresh {
  private readonly underWay = new Map<string, Refresh>();

  /**
   * @param lookUp asks for what is there now
   * @param use is called with the answer, unless the key was dropped while it was looked up
   */
  async run<Answer>(key: string, lookUp: () => Promise<Answer>, use: (answer: Answer) => void): Promise<void> {
    const known = this.underWay.get(key);
    if (known !== undefined) return void (known.again = true);
    const refresh = { again: false };
    this.underWay.set(key, refresh);
    try {
      do {
        refresh.again = false;
        const answer = await lookUp();
        if (this.underWay.get(key) !== refresh) return;
        use(answer);
      } while (refresh.again);
    } finally {
      if (this.underWay.get(key) === refresh) this.underWay.delete(key);
    }
  }

  /** Whatever is being looked up for it is not wanted any more. */
  drop(key: string): void {
    this.underWay.delete(key);
  }
}
