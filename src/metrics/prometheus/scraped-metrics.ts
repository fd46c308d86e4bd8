/** Metrics whose values are read at each scrape. All others are counted when something happens. */
export abstract class ScrapedMetrics {
  /** Updates the metrics. Never rejects. */
  abstract refresh(): Promise<void> | void;
}

/** Seconds; for requests and engine calls. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
