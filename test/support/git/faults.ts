import { setTimeout as sleep } from 'node:timers/promises';

/** A throttled stream moves in slices of this many per second. */
const SLICES_PER_SECOND = 20;

/** The knobs of one server. All may be turned while transfers are under way. */
export class Faults {
  private failures = 0;
  private bytesPerSecond = 0;
  private hanging: PromiseWithResolvers<void> | null = null;

  /** The next `count` requests (HTTPS: 503) or connections (SSH: closed at once) fail. */
  failNext(count: number): void {
    this.failures = count;
  }

  /** While on, everything is accepted and nothing is answered, also in the middle of a transfer. Off: all goes on. */
  hang(on: boolean): void {
    if (on) {
      this.hanging ??= Promise.withResolvers<void>();
    } else {
      this.hanging?.resolve();
      this.hanging = null;
    }
  }

  /** Slows every transfer down to this rate, each connection by itself; 0 is full speed. */
  throttle(bytesPerSecond: number): void {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** No fault any more. */
  reset(): void {
    this.failNext(0);
    this.throttle(0);
    this.hang(false);
  }

  /** Uses up one of the failures asked for by {@link failNext}. */
  takeFailure(): boolean {
    if (this.failures <= 0) return false;
    this.failures -= 1;
    return true;
  }

  /** Resolves at once, or when {@link hang} is switched off. */
  async open(): Promise<void> {
    while (this.hanging) await this.hanging.promise;
  }

  /** Passes a stream on, as slowly as the knobs say. For use in `stream.pipeline`. */
  async *paced(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      for (let offset = 0; offset < chunk.length;) {
        await this.open();
        const rate = this.bytesPerSecond;
        const size = rate > 0 ? Math.max(1, Math.floor(rate / SLICES_PER_SECOND)) : chunk.length;
        const slice = chunk.subarray(offset, offset + size);
        if (rate > 0) await sleep((slice.length / rate) * 1_000);
        offset += slice.length;
        yield slice;
      }
    }
  }
}
