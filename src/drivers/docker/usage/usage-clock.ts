/** One moment on three clocks, in milliseconds, any of which may be wrong. */
export interface Moment {
  /** The engine's wall clock, which may be set. */
  wall: number;
  /** Total time of the engine's processors, divided by their number: coarse, and not reported by every engine. */
  processors: number | undefined;
  /** When it arrived here: late, and several at once, while this process is busy. */
  arrival: number;
}

/** A monotonic clock from moments that may be wrong: it advances by the median of three elapsed times. */
export class UsageClock {
  private last: Moment | undefined;
  private elapsedMs = 0;

  /** @returns milliseconds since the first moment */
  next(moment: Moment): number {
    const { last } = this;
    this.last = moment;
    if (last === undefined) return 0;
    const arrival = moment.arrival - last.arrival;
    const processors =
      moment.processors === undefined || last.processors === undefined ? arrival : moment.processors - last.processors;
    const [, median = 0] = [moment.wall - last.wall, processors, arrival].toSorted((a, b) => a - b);
    this.elapsedMs += Math.max(0, median);
    return this.elapsedMs;
  }
}
