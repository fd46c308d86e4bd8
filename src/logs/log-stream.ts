import type { PinoLogger } from 'nestjs-pino';
import type { Clock } from '../common/clock.js';
import { type ContainerRuntime, type LogRecord, RuntimeError } from '../runtime/container-runtime.js';
import { LogPosition } from './log-position.js';
import { LogRing } from './log-ring.js';

/** Lines asked for when a stream begins; what later readers get as their beginning comes from these. */
export const FIRST_TAIL = 1_000;
/** The history is taken for complete when no line of it came for this long. */
const QUIET_MS = 60;
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
  private position = new LogPosition();
  private lastBatchAt = 0;
  private readonly whenStopped = new Promise<void>((resolve) => this.stopped.signal.addEventListener('abort', () => resolve(), { once: true }));
  private wakeUp: () => void = () => undefined;
  private primed: Promise<void> | undefined;
  private finished: string | undefined;

  constructor(
    private dockerId: string,
    private readonly runtime: ContainerRuntime,
    private readonly clock: Clock,
    private readonly logger: PinoLogger,
  ) {}

  /** Begins to read. Resolves once the lines that were there already are in the ring. */
  start(): Promise<void> {
    this.primed ??= this.prime();
    return this.primed;
  }

  add(sink: LogSink): void {
    this.sinks.add(sink);
    if (this.finished !== undefined) sink.ended(this.finished);
  }

  /** @returns whether nobody reads along any more */
  delete(sink: LogSink): boolean {
    this.sinks.delete(sink);
    return this.sinks.size === 0;
  }

  /** The container runs again; one that was made anew begins a log of its own. */
  resume(dockerId: string): void {
    if (dockerId !== this.dockerId) {
      this.dockerId = dockerId;
      this.position = new LogPosition();
    }
    this.wakeUp();
  }

  /** Ends it for all who read along. */
  close(reason?: string): void {
    this.stopped.abort();
    this.wakeUp();
    if (reason !== undefined) for (const sink of this.sinks) sink.ended(reason);
  }

  private async prime(): Promise<void> {
    void this.run();
    this.lastBatchAt = this.clock.now().getTime();
    while (!this.stopped.signal.aborted && this.clock.now().getTime() - this.lastBatchAt < QUIET_MS) await this.clock.sleep(QUIET_MS / 4, this.stopped.signal);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopped;
    let retryMs = RETRY_MS.first;
    while (!signal.aborted) {
      try {
        await this.follow();
        retryMs = RETRY_MS.first;
        if (signal.aborted) return;
        this.finished = 'stopped';
        for (const sink of this.sinks) sink.ended('stopped');
        await this.untilResumed();
        this.finished = undefined;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof RuntimeError && error.code === 'not_found') {
          for (const sink of this.sinks) sink.failed(error);
          await this.untilResumed();
          continue;
        }
        this.logger.debug({ err: error, dockerId: this.dockerId }, 'A log stream broke and is taken up again');
        await this.clock.sleep(retryMs, signal);
        retryMs = Math.min(retryMs * 2, RETRY_MS.longest);
      }
    }
  }

  private async follow(): Promise<void> {
    const since = this.position.resumeFrom;
    const isKnown = this.position.skipper();
    const request = { follow: true, stdout: true, stderr: true, signal: this.stopped.signal, ...(since === undefined ? { tail: FIRST_TAIL } : { since }) };
    for await (const batch of this.runtime.containers.logs(this.dockerId, request)) {
      const records = since === undefined ? batch : batch.filter((record) => !isKnown(record));
      this.lastBatchAt = this.clock.now().getTime();
      if (records.length === 0) continue;
      for (const record of records) {
        this.position.advance(record);
        this.ring.push(record);
      }
      const waits: Promise<void>[] = [];
      for (const sink of this.sinks) {
        sink.accept(records);
        const room = sink.room();
        if (room !== undefined) waits.push(room);
      }
      if (waits.length > 0) await Promise.race([Promise.all(waits), this.whenStopped]);
    }
  }

  /** It may run again already by the time that its end is seen. */
  private async untilResumed(): Promise<void> {
    const resumed = new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
    const container = await this.runtime.containers.inspect(this.dockerId);
    if (container?.state !== 'running') await Promise.race([resumed, this.whenStopped]);
  }
}
