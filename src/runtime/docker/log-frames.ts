import type { LogRecord } from '../container-runtime.js';

const HEADER_BYTES = 8;
const STDERR = 2;
const SPACE = 0x20;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const LONGEST_LINE_BYTES = 1024 * 1024;

interface Unfinished {
  timestamp: string;
  parts: Buffer[];
  bytes: number;
}

/**
 * Takes the engine's multiplexed log stream apart. Each frame is one entry of the log with its timestamp in
 * front. The engine cuts long lines into entries without a line break; they are put together again as bytes,
 * so that no character is cut.
 */
export class LogFrames {
  private rest: Buffer = Buffer.alloc(0);
  private readonly unfinished: Partial<Record<LogRecord['stream'], Unfinished>> = {};

  /** @returns the lines that the chunk completes */
  push(chunk: Buffer): LogRecord[] {
    const data = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const records: LogRecord[] = [];
    let at = 0;
    while (data.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + data.readUInt32BE(at + 4);
      if (end > data.length) break;
      this.read(data[at] === STDERR ? 'stderr' : 'stdout', data, at + HEADER_BYTES, end, records);
      at = end;
    }
    this.rest = at === data.length ? Buffer.alloc(0) : Buffer.from(data.subarray(at));
    return records;
  }

  /** What was written without a line break before the stream ended. */
  end(): LogRecord[] {
    return (['stdout', 'stderr'] as const).flatMap((stream) => this.finish(stream));
  }

  private read(stream: LogRecord['stream'], data: Buffer, start: number, end: number, records: LogRecord[]): void {
    const space = data.indexOf(SPACE, start);
    const timestamp = data.toString('latin1', start, space);
    const from = space + 1;
    const complete = end > from && data[end - 1] === NEWLINE;
    const open = this.unfinished[stream];
    if (complete && open === undefined) {
      const to = end - 1 > from && data[end - 2] === CARRIAGE_RETURN ? end - 2 : end - 1;
      records.push({ stream, timestamp, message: data.toString('utf8', from, to) });
      return;
    }
    const line = open ?? { timestamp, parts: [], bytes: 0 };
    this.unfinished[stream] = line;
    // The chunk's memory is not kept alive by a part of it.
    line.parts.push(Buffer.from(data.subarray(from, complete ? end - 1 : end)));
    line.bytes += end - from;
    if (complete || line.bytes >= LONGEST_LINE_BYTES) records.push(...this.finish(stream));
  }

  private finish(stream: LogRecord['stream']): LogRecord[] {
    const line = this.unfinished[stream];
    delete this.unfinished[stream];
    return line === undefined ? [] : [{ stream, timestamp: line.timestamp, message: Buffer.concat(line.parts).toString('utf8') }];
  }
}
