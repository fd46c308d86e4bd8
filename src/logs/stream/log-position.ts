import type { LogRecord } from '../../drivers/workspace-logs.js';

type Stream = LogRecord['stream'];

/** The last line of a stream, and which of its lines with that timestamp it is. */
interface Mark {
  timestamp: string;
  count: number;
}

type Marks = Record<Stream, Mark | undefined>;

/** How long the writing of one line may take whose beginning is looked for. */
const LONGEST_WRITE_MS = 10_000;

/**
 * How far a log was read. A line is known by its stream, its timestamp and its place among those of the same stream
 * and timestamp. The engine keeps the order in which it received the lines, so what follows the last one in a further
 * reading is new, whatever the clock of the engine's machine did in the meantime.
 */
export class LogPosition {
  private readonly marks: Marks = { stdout: undefined, stderr: undefined };
  private last: Stream | undefined;
  private first = '';

  /** Whether nothing was read. */
  get isStart(): boolean {
    return this.last === undefined;
  }

  advance({ stream, timestamp }: LogRecord): void {
    const mark = this.marks[stream];
    if (mark !== undefined && mark.timestamp === timestamp) mark.count += 1;
    else this.marks[stream] = { timestamp, count: 1 };
    this.last = stream;
    if (this.first === '') this.first = timestamp;
  }

  /** Whether the line bears an earlier time than one of its stream that was read before it. */
  isOlderThanRead({ stream, timestamp }: LogRecord): boolean {
    const mark = this.marks[stream];
    return mark !== undefined && timestamp < mark.timestamp;
  }

  /** Whether the line bears a later time than all of its stream that were read. */
  isNewerThanRead({ stream, timestamp }: LogRecord): boolean {
    return timestamp > (this.marks[stream]?.timestamp ?? this.first);
  }

  /** An instant before which nothing began that follows the position, as long as the engine's clock is not set back. */
  get resumeFrom(): string | undefined {
    if (this.last === undefined) return undefined;
    const begun = new Date(Date.parse(this.marks[this.last]!.timestamp) - LONGEST_WRITE_MS);
    return begun.toISOString().replace('Z', '000000Z');
  }

  /** Whether the line bears a later time than the place. */
  isEarlierThan({ timestamp }: LogRecord): boolean {
    return this.last !== undefined && timestamp > this.marks[this.last]!.timestamp;
  }

  /** Finds the place in one further reading of both streams. */
  seeker(): LogSeeker {
    return new LogSeeker(this.last, this.last && this.marks[this.last]);
  }

  /** Tells lines that bear a later time than all that was read of their stream, where the place itself cannot be found. */
  newerFilter(): (record: LogRecord) => boolean {
    const times = {
      stdout: this.marks.stdout?.timestamp ?? this.first,
      stderr: this.marks.stderr?.timestamp ?? this.first,
    };
    return ({ stream, timestamp }) => timestamp > times[stream];
  }

  /** Leaves out of a further reading, of one stream or both, what was not read when this was called. */
  alreadyReadFilter(): (records: LogRecord[]) => LogRecord[] {
    const marks = this.snapshot();
    const { first } = this;
    return (records) => {
      const ends = {
        stdout: placeOf(marks.stdout, 'stdout', records),
        stderr: placeOf(marks.stderr, 'stderr', records),
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

/** Looks for a position among lines that come batch by batch. */
export class LogSeeker {
  private left: number;
  private readonly timestamp: string | undefined;

  constructor(
    private readonly stream: Stream | undefined,
    mark: Mark | undefined,
  ) {
    this.left = mark?.count ?? 0;
    this.timestamp = mark?.timestamp;
  }

  /** Whether it was found; the start is found at once. */
  get isFound(): boolean {
    return this.left === 0;
  }

  /** The lines of the batch that follow the position. */
  after(batch: LogRecord[]): LogRecord[] {
    if (this.left === 0) return batch;
    for (const [at, { stream, timestamp }] of batch.entries()) {
      if (stream === this.stream && timestamp === this.timestamp && --this.left === 0) return batch.slice(at + 1);
    }
    return [];
  }
}

/** Where the marked line is, or undefined when it is not among them. */
function placeOf(mark: Mark | undefined, stream: Stream, records: LogRecord[]): number | undefined {
  if (mark === undefined) return undefined;
  let left = mark.count;
  const at = records.findIndex(
    (record) => record.stream === stream && record.timestamp === mark.timestamp && --left === 0,
  );
  return at < 0 ? undefined : at;
}
