/** Steps that undo what a benchmark has set up, also when it fails or is interrupted. */
export class Cleanup {
  private readonly steps: (() => Promise<unknown>)[] = [];

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => void this.all().finally(() => process.exit(1)));
    }
  }

  add(step: () => Promise<unknown>): void {
    this.steps.push(step);
  }

  /** Runs the steps, the last one first. A step that fails does not prevent the others. */
  async all(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      await step().catch((error: unknown) => console.error('clean-up:', error));
    }
  }
}
