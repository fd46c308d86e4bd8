import type { PinoLogger } from 'nestjs-pino';
import type { Clock } from '../../common/time/clock.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { ObservedWorkspace, WorkspaceRef } from '../../drivers/workspace.js';
import type { LogRecord } from '../../drivers/workspace-logs.js';
import { DriverError } from '../../drivers/driver-error.js';
import { markSources } from '../log-source.js';
import { LogReader } from './log-reader.js';
import { LogRing } from './log-ring.js';

/** Reason for the end of a log that continues when its container is started again. */
export const STOPPED = 'stopped';
/** Lines read when a stream is opened. The initial lines of later readers come from these. */
export const INITIAL_TAIL = 1_000;
const RETRY_MS = { min: 200, max: 3_000 };

/** A reader of the stream. */
export interface LogSink {
  /** Gets new lines. */
  accept(records: LogRecord[]): void;
  /** An unknown number of lines was lost. */
  missed(): void;
  /** The log has ended. With the reason `stopped` it continues when the container is started again. */
  ended(reason: string): void;
  /** The container is not found at the engine. */
  failed(error: DriverError): void;
  /** Resolves when the reader can take more; undefined when it can take more now. */
  whenDrained(): Promise<void> | undefined;
}

/**
 * The output of one container, read from the engine once for any number of readers. It continues where it was after a
 * restart of the container and after an outage of the engine.
 */
export class LogStream {
  readonly ring = new LogRing();
  private readonly sinks = new Set<LogSink>();
  private readonly stopped = new AbortController();
  private readonly primed = Promise.withResolvers<void>();
  private isPrimed = false;
  private loop: Promise<void> | undefined;
  private reader: LogReader;
  private resumes = 0;
  private wakeUp: () => void = () => undefined;
  private stopWaiting: () => void = () => undefined;
  private pausing = new AbortController();
  private retryMs = RETRY_MS.min;
  /** Start time of the run of the container whose end was reported last. */
  private endedRun: number | undefined;
  private isMissing = false;
  /** Reports the state in which nothing is read to readers who join in it. */
  private idleReport: ((sink: LogSink) => void) | undefined;

  constructor(
    private workspace: WorkspaceRef,
    private readonly driver: WorkspaceDriver,
    private readonly clock: Clock,
    private readonly logger: PinoLogger,
  ) {
    this.reader = this.createReader(workspace);
  }

  get isClosed(): boolean {
    return this.stopped.signal.aborted;
  }

  /**
   * Starts reading. Resolves when the lines that exist already are in the ring.
   * @throws DriverError when the first read fails; the stream is closed then
   */
  start(): Promise<void> {
    this.loop ??= this.run();
    return this.primed.promise;
  }

  /** Filters another read for the lines that the stream has read up to now. */
  alreadyReadFilter(): (records: LogRecord[]) => LogRecord[] {
    return this.reader.position.alreadyReadFilter();
  }

  add(sink: LogSink): void {
    this.sinks.add(sink);
    this.idleReport?.(sink);
  }

  delete(sink: LogSink): void {
    this.sinks.delete(sink);
  }

  /** Must be called when the container runs again. A container that was created again has a new log. */
  resume(workspace: WorkspaceRef): void {
    this.workspace = workspace;
    this.resumes += 1;
    this.wakeUp();
  }

  /** Must be called when the engine is available again: its earlier connections may be dead. */
  reconnect(): void {
    this.retryMs = RETRY_MS.min;
    this.reader.reconnect();
    this.pausing.abort();
    this.resume(this.workspace);
  }

  /** Ends the stream for all readers. @param reason is reported to them */
  close(reason?: string): void {
    if (this.isClosed) return;
    this.stopped.abort();
    this.wakeUp();
    this.stopWaiting();
    this.prime();
    if (reason !== undefined) this.report((sink) => sink.ended(reason));
  }

  private async run(): Promise<void> {
    while (!this.isClosed) {
      const { resumes } = this;
      try {
        if (await this.readRun()) await this.untilResumed(resumes);
      } catch (error) {
        if (this.isClosed) return;
        if (error instanceof DriverError && error.code === 'not_found') {
          this.reportMissing(error);
          await this.untilResumed(resumes);
        } else {
          await this.retryAfter(error);
        }
      }
    }
  }

  /** Reads until the current run of the container ends. @returns false when the container runs again already */
  private async readRun(): Promise<boolean> {
    const { workspace } = this;
    const { signal } = this.stopped;
    const before = await this.observe(workspace);
    if (before.runtimeId !== workspace.runtimeId) throw new DriverError('not_found', 'the container is gone');
    this.isMissing = false;
    if (workspace.runtimeId !== this.reader.workspace.runtimeId) this.startOver(workspace);
    if (isAlive(before)) this.idleReport = undefined;
    if (!this.isPrimed) await this.readInitial();
    await this.reader.follow(signal);
    const remaining = await this.reader.readRemaining(signal);
    const after = await this.observe(workspace);
    // The engine may have another incarnation of the workspace by now, which has a log of its own.
    const isOver = after.runtimeId !== workspace.runtimeId || !isAlive(after);
    if (!isOver && isSameRun(before, after))
      throw new DriverError('unavailable', 'the log ended while the container runs');
    if (isOver) await this.reader.deliver(remaining);
    this.endRun(isAlive(after) ? before : after);
    return isOver;
  }

  private async observe({ id }: WorkspaceRef): Promise<ObservedWorkspace> {
    const workspace = await this.driver.observe(id);
    if (workspace === null) throw new DriverError('not_found', 'the container is gone');
    return workspace;
  }

  private createReader(workspace: WorkspaceRef): LogReader {
    const missed = (): void => this.sinks.forEach((sink) => sink.missed());
    return new LogReader(workspace, this.driver, this.clock, { accept: (records) => this.accept(records), missed });
  }

  private startOver(workspace: WorkspaceRef): void {
    this.reader = this.createReader(workspace);
    this.ring.clear();
    this.endedRun = undefined;
  }

  private async readInitial(): Promise<void> {
    const lines = markSources(await this.reader.readInitial(INITIAL_TAIL, this.stopped.signal));
    this.ring.begin(lines, lines.length < INITIAL_TAIL);
    this.prime();
  }

  /** Passes lines to the ring and to all readers. @returns a promise that the slowest reader resolves */
  private accept(records: LogRecord[]): Promise<void> | undefined {
    this.retryMs = RETRY_MS.min;
    this.ring.push(markSources(records));
    let waits: Promise<void>[] | undefined;
    for (const sink of this.sinks) {
      sink.accept(records);
      const drained = sink.whenDrained();
      if (drained !== undefined) (waits ??= []).push(drained);
    }
    return waits === undefined || this.isClosed ? undefined : this.untilAll(waits);
  }

  private prime(): void {
    this.isPrimed = true;
    this.primed.resolve();
  }

  /** Reports the end of a run of the container once, however often its log is read to the end. */
  private endRun(container: ObservedWorkspace): void {
    const run = container.startedAt?.getTime() ?? 0;
    if (run === this.endedRun) return;
    this.endedRun = run;
    this.report((sink) => sink.ended(STOPPED));
  }

  private reportMissing(error: DriverError): void {
    if (!this.isMissing) this.report((sink) => sink.failed(error));
    this.isMissing = true;
    this.prime();
  }

  private report(notify: (sink: LogSink) => void): void {
    this.idleReport = notify;
    for (const sink of this.sinks) notify(sink);
  }

  private async retryAfter(error: unknown): Promise<void> {
    if (!this.isPrimed) {
      // There are no readers yet; the caller of start() gets the error.
      this.primed.reject(error);
      return this.close();
    }
    this.logger.debug({ err: error, containerId: this.workspace.id }, 'A log stream broke and is resumed');
    this.pausing = new AbortController();
    await this.clock.sleep(this.retryMs, AbortSignal.any([this.stopped.signal, this.pausing.signal]));
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MS.max);
  }

  /** @param resumes value of the counter when the read that has ended was started */
  private async untilResumed(resumes: number): Promise<void> {
    if (this.resumes !== resumes || this.isClosed) return;
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
  }

  /** Resolves on close too. `Promise.race` with a long-lived promise would leak memory with every call. */
  private untilAll(promises: Promise<void>[]): Promise<void> {
    return new Promise((resolve) => {
      this.stopWaiting = resolve;
      void Promise.all(promises).then(() => resolve());
    });
  }
}

function isAlive({ state }: ObservedWorkspace): boolean {
  return state === 'running' || state === 'paused';
}

function isSameRun(before: ObservedWorkspace, after: ObservedWorkspace): boolean {
  return before.startedAt?.getTime() === after.startedAt?.getTime();
}
