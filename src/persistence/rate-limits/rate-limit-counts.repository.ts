/** What all processes together have counted against limits, by key. The totals only grow. */
export abstract class RateLimitCountsRepository {
  /**
   * Adds to the totals.
   * @param counts by key
   * @returns the totals afterwards, those of other processes included
   */
  abstract add(counts: ReadonlyMap<string, number>): Promise<Map<string, number>>;

  /** Deletes the totals to which nothing was added for `seconds`. */
  abstract removeUnused(seconds: number): Promise<void>;
}
