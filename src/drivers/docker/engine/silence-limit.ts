import type { Readable } from 'node:stream';
import { DEADLINE } from './engine-call.js';

const LOOK_EVERY_MS = 1_000;

/** Breaks a stream on which the engine falls silent while it is waited for. The time its reader takes does not count. */
export class SilenceLimit {
  private since: number | undefined = performance.now();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly stream: Readable,
    private readonly limitMs: number = DEADLINE.read,
  ) {
    this.timer = setInterval(() => this.look(), Math.min(LOOK_EVERY_MS, limitMs));
  }

  /** Something came. */
  isBroken(): void {
    this.since = undefined;
  }

  /** It is waited for again. */
  begins(): void {
    this.since = performance.now();
  }

  end(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    if (this.since === undefined || performance.now() - this.since < this.limitMs) return;
    this.end();
    this.stream.destroy(new Error(`the engine was silent for ${this.limitMs} ms`));
  }
}
