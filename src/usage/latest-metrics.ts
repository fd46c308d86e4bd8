import type { MetricsDto } from './metrics.dto.js';

/** The latest samples, for lists of containers. The metrics module provides it. */
export abstract class LatestMetrics {
  /** @returns undefined for a container that does not run, or was not sampled yet */
  abstract latest(containerId: string): MetricsDto | undefined;
}
