import type { PinoLogger } from 'nestjs-pino';
import type { Clock } from '../common/clock.js';
import { type ContainerRuntime, type InspectedContainer, type LogRecord, RuntimeError } from '../runtime/container-runtime.js';
import { LogPosition } from './log-position.js';
import { LogRing } from './log-ring.js';

/** Why a log ends that goes on when its container is started again. */
export const STOPPED = 'stopped';
/** Lines asked for when a stream begins; what later readers get as their beginning comes from these. */
export const FIRST_TAIL = 1_000;
/** How long a reader waits for the lines that were there before. */
const PRIMING_MS = 3_000;
const RETRY_MS = { first: 200, longest: 3_000 };

/** Somebody who reads along. */
export interface LogSink {
  accept(records: LogRecord[]): void;
  /** The container stopped; lines go on when it is started again. */
  ended(reason: string): void;
  failed(error: RuntimeError): void;
  /** Resolves when it takes more, or undefined when it does already. */
  room(): Promise<void> | undefined;
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
  private position = new LogPosition();
  /** Whose log `position` and `ring` are of. */
  private readId: string | undefined;
  /** The last line of when reading began. */
  private newestBefore: LogRecord | undefined;
  private resumes = 0;
  private wakeUp: () => void = () => undefined;
  private stopWaiting: () => void = () => undefined;
  private retryMs = RETRY_MS.first;
  /** Which run of the container was told to have ended, by its start. */
  private endedRun: number | undefined;
  private isGone = false;
  /** What whoever joins now has to be told, while nothing is read. */
  private standing: ((sink: LogSink) => void) | undefined;

  constructor(
    private dockerId: string,
    private readonly runtime: ContainerRuntime,
    private readonly clock: Clock,
    private readonly logger: PinoLogger,
  ) {}

  get isClosed(): boolean {
    return this.stopped.signal.aborted;
  }

  /**
   * Begins to read. Resolves once the lines that were there already are in the ring.
   * @throws RuntimeError when the engine cannot be read from in the first place; the stream is closed then
   */
  start(): Promise<void> {
    this.running ??= this.run();
    return this.primed.promise;
  }

  /** Tells the lines that were read up to now from those that follow. */
  alreadyRead(): (record: LogRecord) => boolean {
    return this.position.skipper();
  }

  add(sink: LogSink): void {
    this.sinks.add(sink);
    this.standing?.(sink);
  }

  delete(sink: LogSink): void {
    this.sinks.delete(sink);
  }

  /** The container runs again; one that was made anew begins a log of its own. */
  resume(dockerId: string): void {
    this.dockerId = dockerId;
    this.resumes += 1;
    this.wakeUp();
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
        if (error instanceof RuntimeError && error.code === 'not_found') {
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
    const { dockerId } = this;
    const before = await this.inspect(dockerId);
    this.isGone = false;
    if (dockerId !== this.readId) this.beginAnew(dockerId);
    if (isAlive(before)) this.standing = undefined;
    if (!this.isPrimed) await this.findNewest(dockerId);
    await this.follow(dockerId);
    const after = await this.inspect(dockerId);
    if (isAlive(after) && isSameRun(before, after)) throw new RuntimeError('unavailable', 'the log ended while the container runs');
    if (isAlive(after)) this.endRun(before);
    else this.endRun(after);
    this.prime();
    return !isAlive(after);
  }

  private async inspect(dockerId: string): Promise<InspectedContainer> {
    const container = await this.runtime.containers.inspect(dockerId);
    if (container === null) throw new RuntimeError('not_found', 'the container is gone');
    return container;
  }

  private beginAnew(dockerId: string): void {
    this.readId = dockerId;
    this.position = new LogPosition();
    this.ring.clear();
    this.endedRun = undefined;
  }

  /** The lines that were there before end with this one, however slowly they come. */
  private async findNewest(dockerId: string): Promise<void> {
    this.newestBefore = undefined;
    const request = { follow: false, tail: 1, stdout: true, stderr: true, signal: this.stopped.signal };
    for await (const batch of this.runtime.containers.logs(dockerId, request)) this.newestBefore = batch.at(-1) ?? this.newestBefore;
    if (this.newestBefore === undefined) this.prime();
    else void this.clock.sleep(PRIMING_MS, this.stopped.signal).then(() => this.prime());
  }

  private async follow(dockerId: string): Promise<void> {
    const since = this.position.resumeFrom;
    const isKnown = this.position.skipper();
    const from = since === undefined ? (this.isPrimed ? {} : { tail: FIRST_TAIL }) : { since };
    const request = { follow: true, stdout: true, stderr: true, signal: this.stopped.signal, ...from };
    for await (const batch of this.runtime.containers.logs(dockerId, request)) {
      if (this.isClosed) return;
      const records = since === undefined ? batch : batch.filter((record) => !isKnown(record));
      if (records.length > 0) await this.hand(records);
    }
  }

  /** To the ring and to all who read along, as fast as the slowest of them takes it. */
  private async hand(records: LogRecord[]): Promise<void> {
    this.retryMs = RETRY_MS.first;
    for (const record of records) {
      this.position.advance(record);
      this.ring.push(record);
      if (this.newestBefore !== undefined) this.seeNewest(record, this.newestBefore);
    }
    const rooms: Promise<void>[] = [];
    for (const sink of this.sinks) {
      sink.accept(records);
      const room = sink.room();
      if (room !== undefined) rooms.push(room);
    }
    if (rooms.length > 0) await this.untilAll(rooms);
  }

  private seeNewest(record: LogRecord, newest: LogRecord): void {
    if (record.stream !== newest.stream || record.timestamp < newest.timestamp) return;
    this.newestBefore = undefined;
    this.prime();
  }

  private prime(): void {
    this.isPrimed = true;
    this.primed.resolve();
  }

  /** Tells that a run of the container is over, once however often its log is read to the end. */
  private endRun(container: InspectedContainer): void {
    const run = container.startedAt?.getTime() ?? 0;
    if (run === this.endedRun) return;
    this.endedRun = run;
    this.tell((sink) => sink.ended(STOPPED));
  }

  private lose(error: RuntimeError): void {
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
    this.logger.debug({ err: error, dockerId: this.dockerId }, 'A log stream broke and is taken up again');
    await this.clock.sleep(this.retryMs, this.stopped.signal);
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

function isAlive({ state }: InspectedContainer): boolean {
  return state === 'running' || state === 'paused';
}

function isSameRun(before: InspectedContainer, after: InspectedContainer): boolean {
  return before.startedAt?.getTime() === after.startedAt?.getTime();
}
