import type { Clock } from '../../common/time/clock.js';
import type { LogRecord } from '../../drivers/workspace-logs.js';
import type { LogPosition } from './log-position.js';

const LOOK_EVERY_MS = 100;
/** While lines come, the engine is asked this often, and sooner when they are many: in a rotated file there are more. */
const ASK_EVERY_MS = 500;
const ASK_EVERY_CHARACTERS = 4 * 1024 * 1024;
/** How long nothing may come before the engine is asked whether there is something. */
const SILENCE_MS = 5_000;
/** How long nothing may come although the engine has something. */
const LATE_MS = 2_000;
const MOST_AWAITED = 1_000;

/**
 * Holds a followed log against the engine's own word on its newest line. A connection may be dead without a sign of
 * it, and engines lose their place where a log is rotated while it is followed.
 */
export class LogStallDetector {
  private readonly awaited: Record<LogRecord['stream'], string[]> = { stdout: [], stderr: [] };
  private charactersHeard = 0;
  private isHeldUp = false;
  private silentMs = 0;
  private unaskedMs = 0;

  /** @param newest asks the engine for the newest line */
  constructor(
    private readonly position: LogPosition,
    private readonly newest: (signal: AbortSignal) => Promise<LogRecord | undefined>,
    private readonly clock: Clock,
  ) {}

  /**
   * Looks after the reading until the signal aborts.
   * @returns whether it went astray
   * @throws DriverError when the engine cannot be asked
   */
  async watch(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      await this.clock.sleep(LOOK_EVERY_MS, signal);
      if (signal.aborted) return false;
      // Whoever takes what came makes the engine wait.
      if (this.isHeldUp) continue;
      this.silentMs += LOOK_EVERY_MS;
      this.unaskedMs += LOOK_EVERY_MS;
      if (this.isAwaiting() && this.silentMs > LATE_MS) return true;
      if (this.isTimeToAsk()) await this.ask(signal);
    }
  }

  /** Lines came; {@link delivered} tells that they were taken. */
  received(records: LogRecord[]): void {
    for (const { message } of records) this.charactersHeard += message.length + 1;
    this.silentMs = 0;
    this.isHeldUp = true;
  }

  delivered(): void {
    this.isHeldUp = false;
  }

  /** Whether a line that the engine has must have come before this one. */
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

  private isTimeToAsk(): boolean {
    if (this.awaited.stdout.length + this.awaited.stderr.length > MOST_AWAITED) return false;
    if (this.charactersHeard === 0) return this.unaskedMs >= SILENCE_MS;
    return this.unaskedMs >= ASK_EVERY_MS || this.charactersHeard >= ASK_EVERY_CHARACTERS;
  }

  private async ask(signal: AbortSignal): Promise<void> {
    this.unaskedMs = 0;
    this.charactersHeard = 0;
    const newest = await this.newest(signal);
    if (newest === undefined || newest.isUnfinished || !this.position.isNewerThanRead(newest)) return;
    const awaited = this.awaited[newest.stream];
    if (awaited.at(-1) === undefined || newest.timestamp > awaited.at(-1)!) awaited.push(newest.timestamp);
  }
}
