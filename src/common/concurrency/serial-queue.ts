/** Runs one piece of work at a time, in the order in which it was added. */
export class SerialQueue {
  private last: Promise<unknown> = Promise.resolve();

  /** @returns what `work` returns; rejects as it does, which does not keep later work from running */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when everything that was added so far has ended. */
  async drained(): Promise<void> {
    await this.last;
  }
}
