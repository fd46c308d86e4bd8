import type { Clock } from '../../common/time/clock.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import type { LogRecord, LogRequest } from '../../drivers/workspace-logs.js';
import { LogPosition } from './log-position.js';
import { LogStallDetector } from './log-stall-detector.js';

/** Lines from the end of the log in which a resumed stream looks for the position. Older lines are read separately. */
const RESUME_TAIL = 5_000;
/** How long a resumed stream may look for the position. */
const SEEK_TIMEOUT_MS = 2_000;
/** Timestamps that go back this often are the clock of the engine's machine, not a stream that lost its place. */
const MAX_SETBACKS = 100;

/** `out_of_sync`: the stream stalled or skipped lines. `position_not_found`: it does not contain the position. */
type Outcome = 'ended' | 'out_of_sync' | 'position_not_found';

export interface LogConsumer {
  /** Gets the new lines, in order and each once. Reading pauses until the returned promise resolves. */
  accept(records: LogRecord[]): Promise<void> | undefined;
  /** Lines were lost because the engine rotated them away before they were read. */
  missed(): void;
}

/**
 * Reads the log of one container without gap or repetition. It follows the engine's stream, and resumes after the last
 * delivered line whenever the stream breaks, stalls or skips lines.
 */
export class LogReader {
  readonly position = new LogPosition();
  private following: AbortController | undefined;
  private setbacks = 0;
  /** Whether the log no longer contains any line that was read. */
  private isPositionLost = false;

  constructor(
    readonly workspace: WorkspaceRef,
    private readonly driver: WorkspaceDriver,
    private readonly clock: Clock,
    private readonly consumer: LogConsumer,
  ) {}

  /** Reads the latest lines, at most `count`, and sets the position behind them. @throws DriverError */
  async readInitial(count: number, signal: AbortSignal): Promise<LogRecord[]> {
    const lines: LogRecord[] = [];
    for await (const batch of this.read({ follow: false, tail: count }, signal))
      lines.push(...batch.filter(({ isUnfinished }) => !isUnfinished));
    for (const record of lines) this.position.advance(record);
    return lines;
  }

  /**
   * Delivers what follows the position, until the container stops or the signal aborts.
   * @throws DriverError when the engine cannot be read from
   */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const outcome = await this.followOnce(signal);
      if (outcome === 'ended') return;
      if (outcome === 'position_not_found') await this.catchUp(signal);
    }
  }

  /**
   * Reads what the log has behind the position, including a last line without a line break. The engine may end a stream
   * before it has sent everything, so this is delivered once the container is known to have stopped.
   */
  async readRemaining(signal: AbortSignal): Promise<LogRecord[]> {
    const seeker = this.position.seeker();
    const rest: LogRecord[] = [];
    for await (const batch of this.read({ follow: false, tail: RESUME_TAIL }, signal))
      rest.push(...seeker.after(batch));
    return rest.map(({ stream, timestamp, message }) => ({ stream, timestamp, message }));
  }

  /** Delivers lines and moves the position behind them. */
  async deliver(records: LogRecord[]): Promise<void> {
    for (const record of records) this.position.advance(record);
    await this.pass(records);
  }

  /** Resumes on a new connection. */
  reconnect(): void {
    this.following?.abort('out_of_sync' satisfies Outcome);
  }

  private async followOnce(signal: AbortSignal): Promise<Outcome> {
    const attempt = new AbortController();
    this.following = attempt;
    const detector = new LogStallDetector(this.position, (querySignal) => this.newest(querySignal), this.clock);
    const watching = detector.watch(attempt.signal).then(
      (isStalled) => isStalled && attempt.abort('out_of_sync' satisfies Outcome),
      (error: unknown) => attempt.abort(error),
    );
    try {
      return await this.readStream(AbortSignal.any([signal, attempt.signal]), attempt, detector);
    } catch (error) {
      if (signal.aborted || !attempt.signal.aborted) throw error;
      const reason: unknown = attempt.signal.reason;
      if (reason === 'out_of_sync' || reason === 'position_not_found') return reason;
      throw reason;
    } finally {
      attempt.abort();
      await watching;
    }
  }

  private async readStream(
    signal: AbortSignal,
    attempt: AbortController,
    detector: LogStallDetector,
  ): Promise<Outcome> {
    const seeker = this.isPositionLost ? undefined : this.position.seeker();
    const isPositioned = (): boolean => seeker === undefined || seeker.isFound;
    const from = this.isPositionLost ? { tail: 0 } : this.position.isStart ? {} : { tail: RESUME_TAIL };
    if (!isPositioned())
      void this.clock
        .sleep(SEEK_TIMEOUT_MS, attempt.signal)
        .then(() => isPositioned() || attempt.abort('position_not_found' satisfies Outcome));
    let isFirst = true;
    let skipped = 0;
    for await (const batch of this.read({ follow: true, ...from }, signal)) {
      const fresh = seeker === undefined ? batch : seeker.after(batch);
      skipped += batch.length - fresh.length;
      if (!isPositioned() && skipped >= RESUME_TAIL) return 'position_not_found';
      if (fresh.length === 0) continue;
      // An unfinished line is sent again once it is complete.
      if (fresh[0]!.isUnfinished) continue;
      const trusted = this.trustedPart(fresh, detector, isFirst);
      isFirst = false;
      detector.received(trusted);
      await this.pass(trusted);
      detector.delivered();
      if (trusted.length < fresh.length) return 'out_of_sync';
    }
    return isPositioned() ? 'ended' : 'position_not_found';
  }

  /**
   * The lines up to where the stream skips lines or goes back in time, which means that the engine lost its place. The
   * first line behind the position is accepted whatever its timestamp.
   */
  private trustedPart(fresh: LogRecord[], detector: LogStallDetector, isFirst: boolean): LogRecord[] {
    for (const [at, record] of fresh.entries()) {
      const goesBack = this.position.isOlderThanRead(record) && this.setbacks < MAX_SETBACKS;
      if (!(isFirst && at === 0) && (goesBack || detector.isGapBefore(record))) {
        if (goesBack) this.setbacks += 1;
        return fresh.slice(0, at);
      }
      this.position.advance(record);
    }
    return fresh;
  }

  /** Delivers what lies between the position and the end of the log, however much that is. */
  private async catchUp(signal: AbortSignal): Promise<void> {
    const request = { follow: false, since: this.position.resumeFrom! };
    const seeker = this.position.seeker();
    const isNewer = this.position.newerFilter();
    let isGone: boolean | undefined;
    const isAny = await this.deliverRead(request, signal, (batch) => {
      // When the first line is newer than the position, the log no longer contains the position.
      if (isGone === undefined && (isGone = this.position.isEarlierThan(batch[0]!))) this.consumer.missed();
      return isGone ? batch.filter(isNewer) : seeker.after(batch);
    });
    if (seeker.isFound) return;
    if (!isGone) this.consumer.missed();
    this.isPositionLost = isGone
      ? !isAny
      : !(await this.deliverRead(request, signal, (batch) => batch.filter(isNewer)));
  }

  /** @returns whether there were any lines */
  private async deliverRead(
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

  private pass(records: LogRecord[]): Promise<void> | undefined {
    if (records.length === 0) return undefined;
    this.isPositionLost = false;
    return this.consumer.accept(records);
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
