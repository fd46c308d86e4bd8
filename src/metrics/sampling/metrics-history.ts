import type { MetricsDto } from '../../usage/metrics.dto.js';

/** One hour at the resting interval of five seconds. */
const MOST_POINTS = 720;

/** The recent points of one container, bounded. */
export class MetricsHistory {
  private points: MetricsDto[] = [];

  push(metrics: MetricsDto): void {
    this.points.push(metrics);
    if (this.points.length > MOST_POINTS * 1.25) this.points = this.points.slice(-MOST_POINTS);
  }

  /** @param from milliseconds of the epoch */
  since(from: number): MetricsDto[] {
    const instant = new Date(from).toISOString();
    return this.points.filter(({ timestamp }) => timestamp >= instant);
  }
}
