import { setTimeout as delay } from 'node:timers/promises';
import type { LogRecord, LogRequest } from '../workspace-logs.js';
import { DriverError } from '../driver-error.js';
import { toTimestamp } from '../timestamp.js';

type Stream = LogRecord['stream'];

const POLL_MS = 5;

/** The log of a fake workspace: lines with the time of their arrival. */
export class FakeLog {
  readonly lines: LogRecord[] = [];
  private readonly open: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  private latest = 0n;

  write(stream: Stream, output: Buffer | string): void {
    let rest: Buffer = Buffer.concat([this.open[stream], Buffer.from(output)]);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      this.keep(stream, rest.toString('utf8', 0, end).replace(/\r$/, ''));
      rest = rest.subarray(end + 1);
    }
    this.open[stream] = rest;
  }

  /** The process has ended, which completes its last line. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.open[stream].length > 0) this.keep(stream, this.open[stream].toString());
      this.open[stream] = Buffer.alloc(0);
    }
  }

  async *read({ follow, tail, signal, ...request }: LogRequest, isUp: () => boolean): AsyncGenerator<LogRecord[]> {
    const since = request.since === undefined ? '' : toTimestamp(request.since);
    const until = request.until === undefined ? '9' : toTimestamp(request.until);
    const wanted = (record: LogRecord): boolean =>
      request[record.stream] &&
      record.timestamp >= since &&
      record.timestamp <= until &&
      (request.wants === undefined || request.wants(record));
    const throwIfAborted = (): void => {
      if (signal.aborted) throw new DriverError('aborted', 'logs: aborted');
    };
    throwIfAborted();
    let read = this.lines.length;
    const past = this.lines.filter(wanted);
    const latest = tail === undefined ? past : past.slice(Math.max(0, past.length - tail));
    if (latest.length > 0) yield latest;
    if (!follow) return;
    for (;;) {
      const wasUp = isUp();
      const fresh = this.lines.slice(read).filter(wanted);
      read = this.lines.length;
      if (fresh.length > 0) yield fresh;
      if (!wasUp) return;
      await delay(POLL_MS);
      throwIfAborted();
    }
  }

  private keep(stream: Stream, message: string): void {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.latest = now > this.latest ? now : this.latest + 1n;
    const seconds = new Date(Number(this.latest / 1_000_000n)).toISOString().slice(0, 19);
    this.lines.push({
      stream,
      timestamp: `${seconds}.${String(this.latest % 1_000_000_000n).padStart(9, '0')}Z`,
      message,
    });
  }
}
