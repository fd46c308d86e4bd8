import type { LogRecord } from '../runtime/container-runtime.js';

type Stream = LogRecord['stream'];

/** How far the engine's time-stamping of the two streams may be apart in the order of the log. */
const SKEW_MS = 2_000;

/**
 * How far a log was read. The engine stamps stdout and stderr one apart from the other, so their lines are in order
 * each for itself, and a line is known by its stream, its timestamp and its place among those of the same timestamp.
 */
export class LogPosition {
  private readonly last: Record<Stream, { timestamp: string; count: number } | undefined> = { stdout: undefined, stderr: undefined };
  private first = '';
  private latest = '';

  advance({ stream, timestamp }: LogRecord): void {
    const last = this.last[stream];
    if (last !== undefined && last.timestamp === timestamp) last.count += 1;
    else this.last[stream] = { timestamp, count: 1 };
    if (this.first === '') this.first = timestamp;
    if (timestamp > this.latest) this.latest = timestamp;
  }

  /** From where to read on, or undefined when nothing was read. Lines before the position come again from there. */
  get resumeFrom(): string | undefined {
    if (this.latest === '') return undefined;
    const skewed = new Date(Date.parse(this.latest) - SKEW_MS).toISOString().replace('Z', '000000Z');
    // A stream that wrote nothing since the first line may have been stamped before the other one's latest.
    const oldest = [this.last.stdout, this.last.stderr].map((last) => last?.timestamp ?? this.first).toSorted()[0]!;
    return oldest > skewed ? oldest : skewed;
  }

  /** Tells lines that come again from new ones, for one further reading of the log. */
  skipper(): (record: LogRecord) => boolean {
    const known = { stdout: this.last.stdout && { ...this.last.stdout }, stderr: this.last.stderr && { ...this.last.stderr } };
    const { first } = this;
    return ({ stream, timestamp }) => {
      const last = known[stream];
      if (last === undefined) return timestamp < first;
      if (timestamp > last.timestamp) return false;
      if (timestamp < last.timestamp) return true;
      last.count -= 1;
      return last.count >= 0;
    };
  }
}
