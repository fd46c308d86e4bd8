import type { Readable } from 'node:stream';
import { DEADLINE } from './engine-call.js';

const CHECK_EVERY_MS = 1_000;

/** Destroys a stream when the engine sends nothing for too long while the reader waits. The reader's own time does not count. */
export class SilenceLimit {
  private since: number | undefined = performance.now();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly stream: Readable,
    private readonly limitMs: number = DEADLINE.read,
  ) {
    this.timer = setInterval(() => this.check(), Math.min(CHECK_EVERY_MS, limitMs));
  }

  /** Data has arrived. */
  pause(): void {
    this.since = undefined;
  }

  /** The reader waits again. */
  resume(): void {
    this.since = performance.now();
  }

  end(): void {
    clearInterval(this.timer);
  }

  private check(): void {
    if (this.since === undefined || performance.now() - this.since < this.limitMs) return;
    this.end();
    this.stream.destroy(new Error(`the engine sent nothing for ${this.limitMs} ms`));
  }
}
