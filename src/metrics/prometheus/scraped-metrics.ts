/** Figures that are looked up when somebody asks for them; the others are counted as things happen. */
export abstract class ScrapedMetrics {
  /** Brings the metrics up to date. Never rejects. */
  abstract refresh(): Promise<void> | void;
}

/** Seconds, from what answers at once to what is waited for. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
