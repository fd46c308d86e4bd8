import { plainText } from '../common/plain-text.js';
import { SerialQueue } from '../common/concurrency/serial-queue.js';
import type { JobPatch } from '../persistence/containers/containers.repository.js';

const MIN_INTERVAL_MS = 400;
const MAX_MESSAGE_LENGTH = 500;

/** Writes the progress of a step at a limited rate, and nothing for a step that ends before the first write. */
export class ProgressReporter {
  private latest: JobPatch | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly writes = new SerialQueue();
  private closed = false;

  constructor(private readonly write: (patch: JobPatch) => Promise<unknown>) {}

  report({ message, ...patch }: JobPatch): void {
    if (this.closed) return;
    this.latest = {
      ...this.latest,
      ...patch,
      message: message == null ? null : plainText(message, MAX_MESSAGE_LENGTH),
    };
    this.timer ??= setTimeout(() => this.flush(), MIN_INTERVAL_MS);
  }

  /** Ends the reports; later ones of this step are dropped. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.latest = undefined;
    await this.writes.drained();
  }

  private flush(): void {
    this.timer = undefined;
    const patch = this.latest;
    this.latest = undefined;
    if (patch !== undefined) void this.writes.run(() => this.write(patch)).catch(() => undefined);
  }
}
