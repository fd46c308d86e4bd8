import type { LogRecord } from '../../drivers/workspace-logs.js';

type Stream = LogRecord['stream'];

/** The last line that was read of stdout or stderr. */
interface Mark {
  timestamp: string;
  /** How many lines of the stream with this timestamp were read. */
  count: number;
}

type Marks = Record<Stream, Mark | undefined>;

/** Longest time that the writing of one line is expected to take. */
const MAX_WRITE_MS = 10_000;

/**
 * How far a log was read. A line is identified by its stream, its timestamp and its number among the lines with the same
 * stream and timestamp. The engine keeps lines in the order in which it received them, so every line after this position
 * is new, even when the clock of the engine's machine was changed in the meantime.
 */
export class LogPosition {
  private readonly marks: Marks = { stdout: undefined, stderr: undefined };
  private last: Stream | undefined;
  private first = '';

  /** Whether nothing was read yet. */
  get isStart(): boolean {
    return this.last === undefined;
  }

  /** Moves the position behind the line. */
  advance({ stream, timestamp }: LogRecord): void {
    const mark = this.marks[stream];
    if (mark !== undefined && mark.timestamp === timestamp) mark.count += 1;
    else this.marks[stream] = { timestamp, count: 1 };
    this.last = stream;
    if (this.first === '') this.first = timestamp;
  }

  /** Whether the timestamp of the line is earlier than that of the last line of its stream. */
  isOlderThanRead({ stream, timestamp }: LogRecord): boolean {
    const mark = this.marks[stream];
    return mark !== undefined && timestamp < mark.timestamp;
  }

  /** Whether the timestamp of the line is later than that of the last line of its stream. */
  isNewerThanRead({ stream, timestamp }: LogRecord): boolean {
    return timestamp > (this.marks[stream]?.timestamp ?? this.first);
  }

  /** Start time of a read that includes every line behind the position, provided that the engine's clock was not set back. */
  get resumeFrom(): string | undefined {
    if (this.last === undefined) return undefined;
    const from = new Date(Date.parse(this.marks[this.last]!.timestamp) - MAX_WRITE_MS);
    return from.toISOString().replace('Z', '000000Z');
  }

  /** Whether the timestamp of the line is later than that of the position. */
  isEarlierThan({ timestamp }: LogRecord): boolean {
    return this.last !== undefined && timestamp > this.marks[this.last]!.timestamp;
  }

  /** Finds the position in another read of both streams. */
  seeker(): LogSeeker {
    return new LogSeeker(this.last, this.last && this.marks[this.last]);
  }

  /** Matches lines newer than those read of their stream. For a log that no longer contains the position. */
  newerFilter(): (record: LogRecord) => boolean {
    const times = {
      stdout: this.marks.stdout?.timestamp ?? this.first,
      stderr: this.marks.stderr?.timestamp ?? this.first,
    };
    return ({ stream, timestamp }) => timestamp > times[stream];
  }

  /** Filters another read, of one stream or both, for the lines that were read before this call. */
  alreadyReadFilter(): (records: LogRecord[]) => LogRecord[] {
    const marks = this.snapshot();
    const { first } = this;
    return (records) => {
      const ends = {
        stdout: indexOfMark(marks.stdout, 'stdout', records),
        stderr: indexOfMark(marks.stderr, 'stderr', records),
      };
      return records.filter(({ stream, timestamp }, at) => {
        const end = ends[stream];
        if (end !== undefined) return at <= end;
        const mark = marks[stream];
        return mark === undefined ? timestamp < first : timestamp <= mark.timestamp;
      });
    };
  }

  private snapshot(): Marks {
    const { stdout, stderr } = this.marks;
    return { stdout: stdout && { ...stdout }, stderr: stderr && { ...stderr } };
  }
}

/** Searches a log, batch by batch, for a position. */
export class LogSeeker {
  private remaining: number;
  private readonly timestamp: string | undefined;

  constructor(
    private readonly stream: Stream | undefined,
    mark: Mark | undefined,
  ) {
    this.remaining = mark?.count ?? 0;
    this.timestamp = mark?.timestamp;
  }

  /** Whether the position was found. The start of a log counts as found. */
  get isFound(): boolean {
    return this.remaining === 0;
  }

  /** The lines of the batch that come after the position. */
  after(batch: LogRecord[]): LogRecord[] {
    if (this.remaining === 0) return batch;
    for (const [at, { stream, timestamp }] of batch.entries()) {
      if (stream === this.stream && timestamp === this.timestamp && --this.remaining === 0) return batch.slice(at + 1);
    }
    return [];
  }
}

/** Index of the marked line; undefined when it is not in the records. */
function indexOfMark(mark: Mark | undefined, stream: Stream, records: LogRecord[]): number | undefined {
  if (mark === undefined) return undefined;
  let remaining = mark.count;
  const at = records.findIndex(
    (record) => record.stream === stream && record.timestamp === mark.timestamp && --remaining === 0,
  );
  return at < 0 ? undefined : at;
}
