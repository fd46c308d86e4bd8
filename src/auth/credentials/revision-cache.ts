const MAX_CACHED = 10_000;

/** Keeps what was read by an id until anything about access changes, so that it takes no query in steady state. */
export class RevisionCache<Value> {
  private readonly values = new Map<string, Value>();
  /** Tells reads that began before a change from later ones. */
  private generation = 0;

  /**
   * @param read reads a value anew
   * @param isKept whether a value is kept; null, which strangers can cause, is not by default
   */
  constructor(
    private readonly read: (id: string) => Promise<Value>,
    private readonly isKept: (value: Value) => boolean = (value) => value !== null,
  ) {}

  async get(id: string): Promise<Value> {
    const kept = this.values.get(id);
    if (kept !== undefined) return kept;
    const { generation } = this;
    const value = await this.read(id);
    if (generation !== this.generation || !this.isKept(value)) return value;
    if (this.values.size >= MAX_CACHED) this.values.clear();
    this.values.set(id, value);
    return value;
  }

  /** Makes the next {@link get} of every id read it again. */
  forget(): void {
    this.generation += 1;
    this.values.clear();
  }
}
