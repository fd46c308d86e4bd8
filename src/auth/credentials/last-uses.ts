/** Collects when credentials were last used, to store it now and then rather than with every request. */
export class LastUses {
  private readonly times = new Map<string, Date>();

  note(id: string, at: Date): void {
    this.times.set(id, at);
  }

  /** Stores the times that were noted since the last call. */
  async store(write: (times: ReadonlyMap<string, Date>) => Promise<void>): Promise<void> {
    if (this.times.size === 0) return;
    const times = new Map(this.times);
    this.times.clear();
    await write(times);
  }
}
