import type { PinoLogger } from 'nestjs-pino';
import type { Clock } from '../../common/time/clock.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { ObservedWorkspace, WorkspaceRef } from '../../drivers/workspace.js';
import type { LogRecord } from '../../drivers/workspace-logs.js';
import { DriverError } from '../../drivers/driver-error.js';
import { LogReader } from './log-reader.js';
import { LogRing } from './log-ring.js';

/** Why a log ends that goes on when its container is started again. */
export const STOPPED = 'stopped';
/** Lines asked for when a stream begins; what later readers get as their beginning comes from these. */
export const INITIAL_TAIL = 1_000;
const RETRY_MS = { first: 200, longest: 3_000 };

/** Somebody who reads along. */
export interface LogSink {
  accept(records: LogRecord[]): void;
  /** Lines are lost, nobody knows how many. */
  missed(): void;
  /** The container stopped; lines go on when it is started again. */
  ended(reason: string): void;
  failed(error: DriverError): void;
  /** Resolves when it takes more, or undefined when it does already. */
  whenDrained(): Promise<void> | undefined;
}

/**
 * The one engine stream of a container's output, however many read along. It goes on where it was after the
 * container was stopped and started, and after the engine was away.
 */
export class LogStream {
  readonly ring = new LogRing();
  private readonly sinks = new Set<LogSink>();
  private readonly stopped = new AbortController();
  private readonly primed = Promise.withResolvers<void>();
  private isPrimed = false;
  private running: Promise<void> | undefined;
  private reader: LogReader;
  private resumes = 0;
  private wakeUp: () => void = () => undefined;
  private stopWaiting: () => void = () => undefined;
  private pausing = new AbortController();
  private retryMs = RETRY_MS.first;
  /** Which run of the container was told to have ended, by its start. */
  private endedRun: number | undefined;
  private isGone = false;
  /** What whoever joins now has to be told, while nothing is read. */
  private standing: ((sink: LogSink) => void) | undefined;

  constructor(
    private workspace: WorkspaceRef,
    private readonly driver: WorkspaceDriver,
    private readonly clock: Clock,
    private readonly logger: PinoLogger,
  ) {
    this.reader = this.readerOf(workspace);
  }

  get isClosed(): boolean {
    return this.stopped.signal.aborted;
  }

  /**
   * Begins to read. Resolves once the lines that were there already are in the ring.
   * @throws DriverError when the engine cannot be read from in the first place; the stream is closed then
   */
  start(): Promise<void> {
    this.running ??= this.run();
    return this.primed.promise;
  }

  /** Leaves out of a further reading the lines that were not read up to now. */
  alreadyReadFilter(): (records: LogRecord[]) => LogRecord[] {
    return this.reader.position.alreadyReadFilter();
  }

  add(sink: LogSink): void {
    this.sinks.add(sink);
    this.standing?.(sink);
  }

  delete(sink: LogSink): void {
    this.sinks.delete(sink);
  }

  /** The container runs again; one that was made anew begins a log of its own. */
  resume(workspace: WorkspaceRef): void {
    this.workspace = workspace;
    this.resumes += 1;
    this.wakeUp();
  }

  /** The engine is back: connections from before may be dead. */
  reconnect(): void {
    this.retryMs = RETRY_MS.first;
    this.reader.reconnect();
    this.pausing.abort();
    this.resume(this.workspace);
  }

  /** Ends it for all who read along. */
  close(reason?: string): void {
    if (this.isClosed) return;
    this.stopped.abort();
    this.wakeUp();
    this.stopWaiting();
    this.prime();
    if (reason !== undefined) this.tell((sink) => sink.ended(reason));
  }

  private async run(): Promise<void> {
    while (!this.isClosed) {
      const { resumes } = this;
      try {
        if (await this.readRun()) await this.untilResumed(resumes);
      } catch (error) {
        if (this.isClosed) return;
        if (error instanceof DriverError && error.code === 'not_found') {
          this.lose(error);
          await this.untilResumed(resumes);
        } else {
          await this.retryAfter(error);
        }
      }
    }
  }

  /** Reads until the container stops. @returns whether it does not run any more */
  private async readRun(): Promise<boolean> {
    const { workspace } = this;
    const { signal } = this.stopped;
    const before = await this.observe(workspace);
    if (before.runtimeId !== workspace.runtimeId) throw new DriverError('not_found', 'the container is gone');
    this.isGone = false;
    if (workspace.runtimeId !== this.reader.workspace.runtimeId) this.beginAnew(workspace);
    if (isAlive(before)) this.standing = undefined;
    if (!this.isPrimed) await this.readBeginning();
    await this.reader.follow(signal);
    const rest = await this.reader.readRemaining(signal);
    const after = await this.observe(workspace);
    // The engine may have another incarnation of the workspace by now, which has a log of its own.
    const isOver = after.runtimeId !== workspace.runtimeId || !isAlive(after);
    if (!isOver && isSameRun(before, after))
      throw new DriverError('unavailable', 'the log ended while the container runs');
    if (isOver) await this.reader.deliver(rest);
    this.endRun(isAlive(after) ? before : after);
    return isOver;
  }

  private async observe({ id }: WorkspaceRef): Promise<ObservedWorkspace> {
    const workspace = await this.driver.observe(id);
    if (workspace === null) throw new DriverError('not_found', 'the container is gone');
    return workspace;
  }

  private readerOf(workspace: WorkspaceRef): LogReader {
    const miss = (): void => this.sinks.forEach((sink) => sink.missed());
    return new LogReader(workspace, this.driver, this.clock, { accept: (records) => this.take(records), missed: miss });
  }

  private beginAnew(workspace: WorkspaceRef): void {
    this.reader = this.readerOf(workspace);
    this.ring.clear();
    this.endedRun = undefined;
  }

  private async readBeginning(): Promise<void> {
    const lines = await this.reader.readInitial(INITIAL_TAIL, this.stopped.signal);
    this.ring.begin(lines, lines.length < INITIAL_TAIL);
    this.prime();
  }

  /** To the ring and to all who read along, as fast as the slowest of them takes it. */
  private take(records: LogRecord[]): Promise<void> | undefined {
    this.retryMs = RETRY_MS.first;
    this.ring.push(records);
    let rooms: Promise<void>[] | undefined;
    for (const sink of this.sinks) {
      sink.accept(records);
      const room = sink.whenDrained();
      if (room !== undefined) (rooms ??= []).push(room);
    }
    return rooms === undefined || this.isClosed ? undefined : this.untilAll(rooms);
  }

  private prime(): void {
    this.isPrimed = true;
    this.primed.resolve();
  }

  /** Tells that a run of the container is over, once however often its log is read to the end. */
  private endRun(container: ObservedWorkspace): void {
    const run = container.startedAt?.getTime() ?? 0;
    if (run === this.endedRun) return;
    this.endedRun = run;
    this.tell((sink) => sink.ended(STOPPED));
  }

  private lose(error: DriverError): void {
    if (!this.isGone) this.tell((sink) => sink.failed(error));
    this.isGone = true;
    this.prime();
  }

  private tell(what: (sink: LogSink) => void): void {
    this.standing = what;
    for (const sink of this.sinks) what(sink);
  }

  private async retryAfter(error: unknown): Promise<void> {
    if (!this.isPrimed) {
      // Nobody reads along yet; whoever asked for it is told.
      this.primed.reject(error);
      return this.close();
    }
    this.logger.debug({ err: error, containerId: this.workspace.id }, 'A log stream broke and is taken up again');
    this.pausing = new AbortController();
    await this.clock.sleep(this.retryMs, AbortSignal.any([this.stopped.signal, this.pausing.signal]));
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MS.longest);
  }

  /** @param resumes how often it had been resumed when the reading began that has ended now */
  private async untilResumed(resumes: number): Promise<void> {
    if (this.resumes !== resumes || this.isClosed) return;
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
  }

  /** Or until it is closed. Racing against one long-lived promise would keep all that ever raced. */
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
