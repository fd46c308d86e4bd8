interface Waiting<Value> {
  promise: Promise<Value | null>;
  resolve: (value: Value | null) => void;
  reject: (error: unknown) => void;
}

const MAX_BATCH = 500;

/**
 * Looks values up by id, one batch at a time: however many are asked for, no more than one query runs. A look-up never shares
 * one that has begun before it.
 */
export class BatchedLookup<Value extends { id: string }> {
  private waiting = new Map<string, Waiting<Value>>();
  private isRunning = false;

  constructor(private readonly readMany: (ids: string[]) => Promise<Value[]>) {}

  /** @returns null when there is none of the id */
  get(id: string): Promise<Value | null> {
    const known = this.waiting.get(id);
    if (known !== undefined) return known.promise;
    const { promise, resolve, reject } = Promise.withResolvers<Value | null>();
    this.waiting.set(id, { promise, resolve, reject });
    if (!this.isRunning) void this.run();
    return promise;
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    // Those that are asked for in the same turn come in one batch.
    await Promise.resolve();
    while (this.waiting.size > 0) {
      const batch = [...this.waiting].slice(0, MAX_BATCH);
      for (const [id] of batch) this.waiting.delete(id);
      try {
        const found = new Map((await this.readMany(batch.map(([id]) => id))).map((value) => [value.id, value]));
        for (const [id, { resolve }] of batch) resolve(found.get(id) ?? null);
      } catch (error) {
        for (const [, { reject }] of batch) reject(error);
      }
    }
    this.isRunning = false;
  }
}
