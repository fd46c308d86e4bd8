import type { MetricsDto } from '../../usage/metrics.dto.js';

/** One hour of samples at the background interval of five seconds. */
const MAX_POINTS = 720;

/** The recent samples of one container, limited in number. */
export class MetricsHistory {
  private points: MetricsDto[] = [];

  push(metrics: MetricsDto): void {
    this.points.push(metrics);
    if (this.points.length > MAX_POINTS * 1.25) this.points = this.points.slice(-MAX_POINTS);
  }

  /** Samples from that time on, oldest first. @param from milliseconds since the epoch */
  since(from: number): MetricsDto[] {
    const start = new Date(from).toISOString();
    return this.points.filter(({ timestamp }) => timestamp >= start);
  }
}
