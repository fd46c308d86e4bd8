import type { Clock } from '../../common/time/clock.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import type { LogRecord, LogRequest } from '../../drivers/workspace-logs.js';
import { LogPosition } from './log-position.js';
import { LogStallDetector } from './log-stall-detector.js';

/** How far before its end a log is taken up again; what lies farther back is read in one go. */
const WINDOW = 5_000;
/** How long the place may be looked for there. */
const PLACING_MS = 2_000;
/** An engine whose lines are set back in time over and over is taken as it is. */
const MOST_SETBACKS = 100;

type Outcome = 'ended' | 'astray' | 'unplaced';

export interface LogConsumer {
  /** New lines, in order, each once. The reading waits for what it returns. */
  accept(records: LogRecord[]): Promise<void> | undefined;
  /** The engine had let go of lines before they could be read. */
  missed(): void;
}

/**
 * Reads one container's log from where it was read to, without gap or repeat. It follows the engine's stream as long
 * as that can be trusted; where it cannot, it takes the log up again at the last line that it handed on.
 */
export class LogReader {
  readonly position = new LogPosition();
  private reading: AbortController | undefined;
  private setbacks = 0;
  /** Whether nothing of what was read is in the log any more. */
  private isAdrift = false;

  constructor(
    readonly workspace: WorkspaceRef,
    private readonly driver: WorkspaceDriver,
    private readonly clock: Clock,
    private readonly taker: LogConsumer,
  ) {}

  /** Begins behind the latest lines. @returns these lines, at most `count` */
  async readInitial(count: number, signal: AbortSignal): Promise<LogRecord[]> {
    const lines: LogRecord[] = [];
    for await (const batch of this.read({ follow: false, tail: count }, signal))
      lines.push(...batch.filter(({ isUnfinished }) => !isUnfinished));
    for (const record of lines) this.position.advance(record);
    return lines;
  }

  /**
   * Reads on until the container stops.
   * @throws DriverError when the engine cannot be read from
   */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const outcome = await this.followOnce(signal);
      if (outcome === 'ended') return;
      if (outcome === 'unplaced') await this.bridge(signal);
    }
  }

  /**
   * What the log has now behind the place, last words without a line break too; {@link deliver} passes it on when the
   * container turns out to have stopped. The engine may end a stream before it has given all.
   */
  async readRemaining(signal: AbortSignal): Promise<LogRecord[]> {
    const seeker = this.position.seeker();
    const rest: LogRecord[] = [];
    for await (const batch of this.read({ follow: false, tail: WINDOW }, signal)) rest.push(...seeker.after(batch));
    return rest.map(({ stream, timestamp, message }) => ({ stream, timestamp, message }));
  }

  async deliver(records: LogRecord[]): Promise<void> {
    for (const record of records) this.position.advance(record);
    await this.hand(records);
  }

  /** Takes the log up again on another connection. */
  reconnect(): void {
    this.reading?.abort('astray' satisfies Outcome);
  }

  private async followOnce(signal: AbortSignal): Promise<Outcome> {
    const left = new AbortController();
    this.reading = left;
    const witness = new LogStallDetector(this.position, (asking) => this.newest(asking), this.clock);
    const watching = witness.watch(left.signal).then(
      (isAstray) => isAstray && left.abort('astray' satisfies Outcome),
      (error: unknown) => left.abort(error),
    );
    try {
      return await this.followWatched(AbortSignal.any([signal, left.signal]), left, witness);
    } catch (error) {
      if (signal.aborted || !left.signal.aborted) throw error;
      const reason: unknown = left.signal.reason;
      if (reason === 'astray' || reason === 'unplaced') return reason;
      throw reason;
    } finally {
      left.abort();
      await watching;
    }
  }

  private async followWatched(signal: AbortSignal, left: AbortController, witness: LogStallDetector): Promise<Outcome> {
    const seeker = this.isAdrift ? undefined : this.position.seeker();
    const isPlaced = (): boolean => seeker === undefined || seeker.isFound;
    const from = this.isAdrift ? { tail: 0 } : this.position.isStart ? {} : { tail: WINDOW };
    if (!isPlaced())
      void this.clock.sleep(PLACING_MS, left.signal).then(() => isPlaced() || left.abort('unplaced' satisfies Outcome));
    let isFirst = true;
    let skipped = 0;
    for await (const batch of this.read({ follow: true, ...from }, signal)) {
      const fresh = seeker === undefined ? batch : seeker.after(batch);
      skipped += batch.length - fresh.length;
      if (!isPlaced() && skipped >= WINDOW) return 'unplaced';
      if (fresh.length === 0) continue;
      // What is not over yet comes again, and whole.
      if (fresh[0]!.isUnfinished) continue;
      const sound = this.soundPart(fresh, witness, isFirst);
      isFirst = false;
      witness.received(sound);
      await this.hand(sound);
      witness.delivered();
      if (sound.length < fresh.length) return 'astray';
    }
    return isPlaced() ? 'ended' : 'unplaced';
  }

  /**
   * The lines up to where the engine lost its place: before one that others must have come before, or that goes back in
   * time. The first one behind the place is what the log has there, whatever its time.
   */
  private soundPart(fresh: LogRecord[], witness: LogStallDetector, isFirst: boolean): LogRecord[] {
    for (const [at, record] of fresh.entries()) {
      const isSetBack = this.position.isOlderThanRead(record) && this.setbacks < MOST_SETBACKS;
      if (!(isFirst && at === 0) && (isSetBack || witness.isGapBefore(record))) {
        if (isSetBack) this.setbacks += 1;
        return fresh.slice(0, at);
      }
      this.position.advance(record);
    }
    return fresh;
  }

  /** Reads what the log has behind the place, at whatever distance from its end. */
  private async bridge(signal: AbortSignal): Promise<void> {
    const request = { follow: false, since: this.position.resumeFrom! };
    const seeker = this.position.seeker();
    const later = this.position.newerFilter();
    let isGone: boolean | undefined;
    const isAny = await this.takeOver(request, signal, (batch) => {
      // A log whose first line bears a later time has let go of the place.
      if (isGone === undefined && (isGone = this.position.isEarlierThan(batch[0]!))) this.taker.missed();
      return isGone ? batch.filter(later) : seeker.after(batch);
    });
    if (seeker.isFound) return;
    if (!isGone) this.taker.missed();
    this.isAdrift = isGone ? !isAny : !(await this.takeOver(request, signal, (batch) => batch.filter(later)));
  }

  /** @returns whether there was anything */
  private async takeOver(
    request: Pick<LogRequest, 'follow' | 'since'>,
    signal: AbortSignal,
    pick: (batch: LogRecord[]) => LogRecord[],
  ): Promise<boolean> {
    let isAny = false;
    for await (const batch of this.read(request, signal)) {
      const picked = pick(batch);
      if (picked.length === 0 || picked[0]!.isUnfinished) continue;
      isAny = true;
      await this.deliver(picked);
    }
    return isAny;
  }

  private hand(records: LogRecord[]): Promise<void> | undefined {
    if (records.length === 0) return undefined;
    this.isAdrift = false;
    return this.taker.accept(records);
  }

  private async newest(signal: AbortSignal): Promise<LogRecord | undefined> {
    let newest: LogRecord | undefined;
    for await (const batch of this.read({ follow: false, tail: 1 }, signal)) newest = batch.at(-1);
    return newest;
  }

  private read(
    request: Pick<LogRequest, 'follow' | 'tail' | 'since'>,
    signal: AbortSignal,
  ): AsyncIterable<LogRecord[]> {
    return this.driver.logs(this.workspace, { ...request, stdout: true, stderr: true, signal });
  }
}
