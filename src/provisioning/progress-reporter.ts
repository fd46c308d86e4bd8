import type { JobPatch } from '../persistence/containers/containers.repository.js';

const SHORTEST_INTERVAL_MS = 400;
const LONGEST_MESSAGE = 500;

/** Writes how a step goes at a pace that the database does not notice, and nothing of a step that is over before. */
export class ProgressReporter {
  private latest: JobPatch | undefined;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(private readonly write: (patch: JobPatch) => Promise<unknown>) {}

  report({ message, ...patch }: JobPatch): void {
    if (this.closed) return;
    this.latest = { ...this.latest, ...patch, message: message?.slice(0, LONGEST_MESSAGE) ?? null };
    this.timer ??= setTimeout(() => this.flush(), SHORTEST_INTERVAL_MS);
  }

  /** Ends the reports; later ones of this step are dropped. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.latest = undefined;
    await this.writing;
  }

  private flush(): void {
    this.timer = undefined;
    const patch = this.latest;
    this.latest = undefined;
    if (patch !== undefined) this.writing = this.writing.then(() => this.write(patch)).catch(() => undefined);
  }
}
