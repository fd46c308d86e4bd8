/** One moment on three clocks, in milliseconds. Any one of them may be wrong. */
export interface Moment {
  /** The engine's wall clock: put forward and back. */
  wall: number;
  /** What the engine's processors have spent in all, by their number: coarse, and not every engine tells it. */
  processors: number | undefined;
  /** When it arrived here: late, and several at once, when this process was busy. */
  arrival: number;
}

/** A clock that never goes back, out of moments of which the one or the other is wrong: the median of three spans. */
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
