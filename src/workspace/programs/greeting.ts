/** The protocol version of a program that sends no greeting: those of release 0.1.0. */
export const SILENT_VERSION = 1;

const NEWLINE = 10;
const VERSION = /^[1-9]\d{0,5}$/;
const MAX_VERSION_DIGITS = 6;

/**
 * Takes the greeting off a program's output: a first line with its name and protocol version, such as `devforge-exec 2`.
 * An output that begins with anything else is that of a program of version 1, and is left as it is.
 */
export class GreetingReader {
  /** What may be the beginning of a greeting; undefined once that is decided. */
  private pending: Buffer | undefined = Buffer.alloc(0);
  private readonly prefix: Buffer;
  private greeted = SILENT_VERSION;

  /** @param program its name in the greeting */
  constructor(program: string) {
    this.prefix = Buffer.from(`${program} `);
  }

  /** {@link SILENT_VERSION} as long as no greeting has come. */
  get version(): number {
    return this.greeted;
  }

  /** @returns what of the output so far is not part of the greeting; empty while that is open */
  push(chunk: Buffer): Buffer {
    if (this.pending === undefined) return chunk;
    const output = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    if (!this.mayBeGreeting(output)) return this.decide(output);
    const end = output.indexOf(NEWLINE);
    if (end < 0) {
      this.pending = output;
      return Buffer.alloc(0);
    }
    const version = output.toString('latin1', this.prefix.length, end);
    if (!VERSION.test(version)) return this.decide(output);
    this.greeted = Number(version);
    return this.decide(output.subarray(end + 1));
  }

  /** @returns what was held back, once the output has ended */
  end(): Buffer {
    return this.decide(this.pending ?? Buffer.alloc(0));
  }

  private mayBeGreeting(output: Buffer): boolean {
    const length = Math.min(output.length, this.prefix.length);
    if (this.prefix.compare(output, 0, length, 0, length) !== 0) return false;
    return output.indexOf(NEWLINE) >= 0 || output.length <= this.prefix.length + MAX_VERSION_DIGITS;
  }

  private decide(rest: Buffer): Buffer {
    this.pending = undefined;
    return rest;
  }
}
