import type { LogRecord } from '../../../workspace-logs.js';
import { DriverError } from '../../../driver-error.js';
import { toTimestamp } from '../../../timestamp.js';

type Stream = LogRecord['stream'];

const HEADER_BYTES = 8;
const STDERR = 2;
/** The engine's message on why it cannot continue; it has no timestamp. */
const ENGINE_ERROR = 3;
const SPACE = 0x20;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const TIMESTAMP_LENGTH = 'YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ'.length;
/** The engine splits long lines into entries of this length; only the last one is shorter. */
const ENTRY_BYTES = 16 * 1024;
const MAX_LINE_BYTES = 1024 * 1024;
/** Far above what an engine sends as one entry. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

interface Unfinished {
  timestamp: string;
  parts: Buffer[];
  bytes: number;
}

/**
 * Demultiplexes the engine's log stream into lines. Each frame is one log entry, preceded by its timestamp. The engine
 * splits long lines into entries of 16 KiB, all with the timestamp of the line's beginning; they are joined as bytes, so
 * that no character is split. An entry ends its line when it has a line break or is shorter than that: the `local` log
 * driver omits the line break after a long line.
 */
export class LogFrames {
  private rest: Buffer = Buffer.alloc(0);
  private failure: DriverError | undefined;
  private readonly unfinished: Partial<Record<Stream, Unfinished>> = {};
  private count = 0;
  private firstTimestamp: string | undefined;
  private readonly begun = new Set<Stream>();
  private readonly headless = new Set<LogRecord>();

  /** How many entries were read. */
  get entries(): number {
    return this.count;
  }

  /**
   * @returns the lines that the chunk completes
   * @throws DriverError `failed` when the engine has reported that it cannot continue
   */
  push(chunk: Buffer): LogRecord[] {
    if (this.failure !== undefined) throw this.failure;
    const data = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const records: LogRecord[] = [];
    let at = 0;
    while (data.length - at >= HEADER_BYTES) {
      const length = data.readUInt32BE(at + 4);
      if (length > MAX_FRAME_BYTES) throw new DriverError('failed', `a log entry of ${length} bytes`);
      const end = at + HEADER_BYTES + length;
      if (end > data.length) break;
      if (data[at] === ENGINE_ERROR) {
        this.failure = new DriverError('failed', data.toString('utf8', at + HEADER_BYTES, end).trim());
        return records;
      }
      this.read(data[at] === STDERR ? 'stderr' : 'stdout', data, at + HEADER_BYTES, end, records);
      at = end;
    }
    this.rest = at === data.length ? Buffer.alloc(0) : Buffer.from(data.subarray(at));
    return records;
  }

  /**
   * The lines that have no end yet.
   * @throws DriverError `failed` when the engine has reported that it cannot continue
   */
  end(): LogRecord[] {
    if (this.failure !== undefined) throw this.failure;
    const records: LogRecord[] = [];
    for (const stream of ['stdout', 'stderr'] as const) this.finish(stream, records);
    return records.map((record) => ({ ...record, isUnfinished: true }));
  }

  /** Whether the line may lack its beginning because reading began in the middle of the log. */
  mayLackBeginning(record: LogRecord): boolean {
    return this.headless.has(record);
  }

  private read(stream: Stream, data: Buffer, start: number, end: number, records: LogRecord[]): void {
    const space = data.indexOf(SPACE, start);
    const written = data.toString('latin1', start, space);
    const timestamp = written.length === TIMESTAMP_LENGTH ? written : normalized(written);
    const hasBreak = data[end - 1] === NEWLINE;
    const from = space + 1;
    const to = hasBreak ? end - 1 : end;
    this.count += 1;
    this.firstTimestamp ??= timestamp;
    // The last output of one process, without a line break, is not continued by the next process.
    if (this.unfinished[stream] !== undefined && this.unfinished[stream].timestamp !== timestamp)
      this.finish(stream, records);
    if (hasBreak && this.unfinished[stream] === undefined) {
      const message = data.toString('utf8', from, to > from && data[to - 1] === CARRIAGE_RETURN ? to - 1 : to);
      return this.keep({ stream, timestamp, message }, records);
    }
    const carried = this.cutIfTooLong(stream, to - from, records);
    const isContinued = this.unfinished[stream] !== undefined || carried !== undefined;
    const line = (this.unfinished[stream] ??= {
      timestamp,
      parts: carried === undefined ? [] : [carried],
      bytes: carried?.length ?? 0,
    });
    // A copy, so that a part does not keep the whole chunk in memory.
    line.parts.push(Buffer.from(data.subarray(from, to)));
    line.bytes += to - from;
    if (!hasBreak && to - from >= ENTRY_BYTES) return;
    // The last output of a process that ended keeps its carriage return.
    this.finish(stream, records, hasBreak || isContinued ? withoutReturn : undefined);
  }

  /** @returns the first bytes of a character that the cut would have split */
  private cutIfTooLong(stream: Stream, more: number, records: LogRecord[]): Buffer | undefined {
    const line = this.unfinished[stream];
    if (line === undefined || line.bytes + more <= MAX_LINE_BYTES) return undefined;
    const last = line.parts.at(-1)!;
    const carried = last.subarray(last.length - openCharacterBytes(last));
    this.finish(stream, records, (bytes) => bytes.length - carried.length);
    return carried;
  }

  private finish(
    stream: Stream,
    records: LogRecord[],
    lengthOf: (bytes: Buffer) => number = ({ length }) => length,
  ): void {
    const line = this.unfinished[stream];
    delete this.unfinished[stream];
    if (line === undefined) return;
    const bytes = Buffer.concat(line.parts);
    this.keep({ stream, timestamp: line.timestamp, message: bytes.toString('utf8', 0, lengthOf(bytes)) }, records);
  }

  private keep(record: LogRecord, records: LogRecord[]): void {
    records.push(record);
    if (this.begun.has(record.stream)) return;
    this.begun.add(record.stream);
    // A line that began before the first entry has an older timestamp, or the same.
    if (record.timestamp <= this.firstTimestamp!) this.headless.add(record);
  }
}

/** Podman writes the zone of its machine, and no fraction. */
function normalized(written: string): string {
  return /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(written) ? toTimestamp(written) : written;
}

function withoutReturn(bytes: Buffer): number {
  return bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
}

/** Bytes at the end that begin a UTF-8 character without completing it. */
function openCharacterBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0x80 && byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
