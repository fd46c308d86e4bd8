/** What a follower was given of lines that are numbered one after the other. */
export interface Arrived {
  lines: number;
  /** Numbers that did not follow the one before. */
  outOfOrder: number;
  /** Milliseconds from the beginning of the writing to the last line. */
  ms: number;
}

/** Counts numbered lines as they arrive, until the last one has come or nothing comes any more. */
export class LineCount {
  private readonly done = Promise.withResolvers<void>();
  private lines = 0;
  private outOfOrder = 0;
  private expected: number;
  private begunAt = 0;
  private arrivedAt = 0;

  constructor(
    first: number,
    private readonly last: number,
  ) {
    this.expected = first;
  }

  begin(): void {
    this.begunAt = this.arrivedAt = performance.now();
  }

  take(number: number): void {
    this.lines += 1;
    if (number !== this.expected) this.outOfOrder += 1;
    this.expected = number + 1;
    if (number === this.last) this.done.resolve();
  }

  /** What came is all of a batch. */
  arrived(): void {
    this.arrivedAt = performance.now();
  }

  /** @param silenceMs how long nothing may come before no more is expected */
  async result(silenceMs: number): Promise<Arrived> {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<void>((resolve) => {
      timer = setInterval(() => performance.now() - this.arrivedAt > silenceMs && resolve(), 200);
    });
    await Promise.race([this.done.promise, silence]).finally(() => clearInterval(timer));
    return { lines: this.lines, outOfOrder: this.outOfOrder, ms: this.arrivedAt - this.begunAt };
  }
}
