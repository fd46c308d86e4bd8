/** What has to be taken away again, also when the benchmark fails or is interrupted. */
export class Undo {
  private readonly steps: (() => Promise<unknown>)[] = [];

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => void this.all().finally(() => process.exit(1)));
    }
  }

  add(step: () => Promise<unknown>): void {
    this.steps.push(step);
  }

  /** Last first. A step that fails does not keep the others from running. */
  async all(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      await step().catch((error: unknown) => console.error('clean-up:', error));
    }
  }
}
