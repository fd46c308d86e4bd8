import type { Clock } from '../../common/time/clock.js';
import type { LogRecord } from '../../drivers/workspace-logs.js';
import type { LogPosition } from './log-position.js';

const CHECK_INTERVAL_MS = 100;
/** While lines arrive, the newest line is queried after this time, or after this much output, which may rotate the log file. */
const QUERY_INTERVAL_MS = 500;
const QUERY_INTERVAL_CHARACTERS = 4 * 1024 * 1024;
/** Time without any line after which the newest line is queried. */
const IDLE_QUERY_MS = 5_000;
/** Time without any line, although the engine has one, after which the stream counts as stalled. */
const STALLED_AFTER_MS = 2_000;
const MAX_AWAITED = 1_000;

/**
 * Detects that a followed log has stalled or skipped lines, by querying the newest line from time to time. A dead
 * connection may go unnoticed, and engines can lose their place when a log file is rotated while it is followed.
 */
export class LogStallDetector {
  /** Timestamps of the queried lines that have not arrived yet, by stream. */
  private readonly awaited: Record<LogRecord['stream'], string[]> = { stdout: [], stderr: [] };
  private charactersReceived = 0;
  private isDelivering = false;
  private idleMs = 0;
  private sinceQueryMs = 0;

  /** @param newest reads the newest line from the engine */
  constructor(
    private readonly position: LogPosition,
    private readonly newest: (signal: AbortSignal) => Promise<LogRecord | undefined>,
    private readonly clock: Clock,
  ) {}

  /**
   * Watches the stream until it stalls or the signal aborts.
   * @returns whether it has stalled
   * @throws DriverError when the newest line cannot be read
   */
  async watch(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      await this.clock.sleep(CHECK_INTERVAL_MS, signal);
      if (signal.aborted) return false;
      // Slow readers hold the stream up; that is not a stall.
      if (this.isDelivering) continue;
      this.idleMs += CHECK_INTERVAL_MS;
      this.sinceQueryMs += CHECK_INTERVAL_MS;
      if (this.isAwaiting() && this.idleMs > STALLED_AFTER_MS) return true;
      if (this.isQueryDue()) await this.query(signal);
    }
  }

  /** Must be called when lines have arrived; {@link delivered} follows when the readers have them. */
  received(records: LogRecord[]): void {
    for (const { message } of records) this.charactersReceived += message.length + 1;
    this.idleMs = 0;
    this.isDelivering = true;
  }

  delivered(): void {
    this.isDelivering = false;
  }

  /** Whether a queried line should have arrived before this one, so that lines were skipped. */
  isGapBefore({ stream, timestamp }: LogRecord): boolean {
    const awaited = this.awaited[stream];
    if (awaited.length === 0 || timestamp < awaited[0]!) return false;
    if (timestamp > awaited[0]!) return true;
    awaited.shift();
    return false;
  }

  private isAwaiting(): boolean {
    return this.awaited.stdout.length + this.awaited.stderr.length > 0;
  }

  private isQueryDue(): boolean {
    if (this.awaited.stdout.length + this.awaited.stderr.length > MAX_AWAITED) return false;
    if (this.charactersReceived === 0) return this.sinceQueryMs >= IDLE_QUERY_MS;
    return this.sinceQueryMs >= QUERY_INTERVAL_MS || this.charactersReceived >= QUERY_INTERVAL_CHARACTERS;
  }

  private async query(signal: AbortSignal): Promise<void> {
    this.sinceQueryMs = 0;
    this.charactersReceived = 0;
    const newest = await this.newest(signal);
    if (newest === undefined || newest.isUnfinished || !this.position.isNewerThanRead(newest)) return;
    const awaited = this.awaited[newest.stream];
    if (awaited.at(-1) === undefined || newest.timestamp > awaited.at(-1)!) awaited.push(newest.timestamp);
  }
}
