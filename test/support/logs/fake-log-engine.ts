import type { PinoLogger } from 'nestjs-pino';
import { Clock } from '../../../src/common/time/clock.js';
import type { WorkspaceDriver } from '../../../src/drivers/workspace-driver.js';
import type { ObservedWorkspace, WorkspaceRef } from '../../../src/drivers/workspace.js';
import type { LogRecord, LogRequest } from '../../../src/drivers/workspace-logs.js';
import { DriverError } from '../../../src/drivers/driver-error.js';

interface FakeContainer {
  lines: LogRecord[];
  state: 'running' | 'exited';
  startedAt: Date;
  /** Index of the first line of the current run. */
  runFrom: number;
}

const START = Date.parse('2030-01-01T00:00:00Z');

/** RFC 3339 with nine digits, `nanoseconds` after the start of the log. */
export function timestampAt(nanoseconds: number): string {
  const milliseconds = START + Math.floor(nanoseconds / 1e6);
  return new Date(milliseconds).toISOString().replace('Z', `${String(nanoseconds % 1e6).padStart(6, '0')}Z`);
}

export function line(nanoseconds: number, message: string, stream: LogRecord['stream'] = 'stdout'): LogRecord {
  return { stream, timestamp: timestampAt(nanoseconds), message };
}

/** The part of an engine that reading logs needs. */
export class FakeLogEngine {
  readonly requests: (LogRequest & { runtimeId: string })[] = [];
  /** Whether every call fails. */
  isUnavailable = false;
  inspections = 0;
  /** Is called before each batch is sent. */
  beforeBatch: () => void | Promise<void> = () => undefined;
  batchSize = 7;
  private readonly containers = new Map<string, FakeContainer>();
  /** Runtime ids by the id of their container. */
  private readonly latest = new Map<string, string>();
  /** Where each stream that follows a log. */
  private readonly cursors = new Set<{ at: number; isStalled: boolean }>();
  private readonly waiting = new Set<() => void>();
  private breaks = 0;
  private graceful = 0;
  private time = 1;
  private starts = 0;

  get driver(): WorkspaceDriver {
    return {
      logs: ({ runtimeId }: WorkspaceRef, request: LogRequest) => this.read(runtimeId, request),
      observe: (id: string) => this.observe(id),
    } as unknown as WorkspaceDriver;
  }

  get follows(): number {
    return this.requests.filter(({ follow }) => follow).length;
  }

  /** @param id of the container, of which this is the latest incarnation */
  run(runtimeId: string, id = 'c1'): void {
    this.latest.set(id, runtimeId);
    const known = this.containers.get(runtimeId);
    const run = {
      state: 'running',
      startedAt: new Date(START + this.starts++),
      runFrom: known?.lines.length ?? 0,
    } as const;
    if (known === undefined) this.containers.set(runtimeId, { lines: [], ...run });
    else Object.assign(known, run);
    this.notify();
  }

  stop(runtimeId: string): void {
    this.containers.get(runtimeId)!.state = 'exited';
    this.notify();
  }

  remove(runtimeId: string): void {
    this.containers.delete(runtimeId);
    this.notify();
  }

  write(runtimeId: string, ...messages: string[]): void {
    for (const message of messages) this.append(runtimeId, line((this.time += 1_000), message));
    this.notify();
  }

  writeTo(stream: LogRecord['stream'], runtimeId: string, ...messages: string[]): void {
    for (const message of messages) this.append(runtimeId, line((this.time += 1_000), message, stream));
    this.notify();
  }

  append(runtimeId: string, ...records: LogRecord[]): void {
    this.containers.get(runtimeId)!.lines.push(...records);
    this.notify();
  }

  /** Lets every open stream fail. */
  breakStreams(): void {
    this.breaks += 1;
    this.notify();
  }

  /** Ends every open stream without an error. */
  endStreams(): void {
    this.graceful += 1;
    this.notify();
  }

  /** Lets every open stream stall without a sign. */
  stallStreams(): void {
    for (const cursor of this.cursors) cursor.isStalled = true;
  }

  /** Moves every open stream by so many lines, as an engine may do when it rotates a log that it follows. */
  moveStreams(lines: number): void {
    for (const cursor of this.cursors) cursor.at = Math.max(0, cursor.at + lines);
    this.notify();
  }

  /** Removes the oldest lines of the log. */
  forget(runtimeId: string, count: number): void {
    const container = this.containers.get(runtimeId)!;
    container.lines.splice(0, count);
    container.runFrom = Math.max(0, container.runFrom - count);
    for (const cursor of this.cursors) cursor.at = Math.max(0, cursor.at - count);
  }

  private notify(): void {
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }

  private async observe(id: string): Promise<ObservedWorkspace | null> {
    this.inspections += 1;
    await Promise.resolve();
    if (this.isUnavailable) throw new DriverError('unavailable', 'the engine is unavailable');
    const runtimeId = this.latest.get(id) ?? '';
    const container = this.containers.get(runtimeId);
    return container === undefined
      ? null
      : ({ id, runtimeId, state: container.state, startedAt: container.startedAt } as ObservedWorkspace);
  }

  private async *read(runtimeId: string, request: LogRequest): AsyncGenerator<LogRecord[]> {
    this.requests.push({ ...request, runtimeId });
    await Promise.resolve();
    if (this.isUnavailable) throw new DriverError('unavailable', 'the engine is unavailable');
    const container = this.containers.get(runtimeId);
    if (container === undefined) throw new DriverError('not_found', 'no such container');
    const { breaks, graceful } = this;
    const { startedAt } = container;
    const isWanted = ({ stream, timestamp }: LogRecord): boolean =>
      request[stream] && timestamp >= (request.since ?? '') && timestamp <= (request.until ?? '9');
    if (!request.follow && request.tail !== undefined) {
      const lines = container.lines.filter(isWanted);
      await this.beforeBatch();
      return yield lines.slice(Math.max(0, lines.length - request.tail));
    }
    const cursor = {
      at: request.tail === undefined ? 0 : Math.max(0, container.lines.length - request.tail),
      isStalled: false,
    };
    if (request.follow) this.cursors.add(cursor);
    try {
      for (;;) {
        if (request.signal.aborted) throw new DriverError('aborted', 'aborted');
        if (this.breaks > breaks) throw new DriverError('unavailable', 'the stream broke');
        const isOtherRun = container.startedAt !== startedAt;
        const { at } = cursor;
        const end = cursor.isStalled
          ? at
          : Math.min(at + this.batchSize, isOtherRun && request.follow ? container.runFrom : Infinity);
        const batch = container.lines.slice(at, end);
        cursor.at += batch.length;
        const wanted = batch.filter(isWanted);
        if (wanted.length > 0) {
          await this.beforeBatch();
          yield wanted;
        }
        if (batch.length > 0) continue;
        const isOver =
          isOtherRun ||
          container.state === 'exited' ||
          this.containers.get(runtimeId) !== container ||
          this.graceful > graceful;
        if (!request.follow || (isOver && !cursor.isStalled)) return;
        await new Promise<void>((resolve) => {
          this.waiting.add(resolve);
          request.signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
    } finally {
      this.cursors.delete(cursor);
    }
  }
}

/** Sleeps for a twentieth of the requested time. */
export class FastClock extends Clock {
  now(): Date {
    return new Date();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = setTimeout(resolve, ms / 20);
      signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

export const quietLogger = {
  debug: () => undefined,
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
} as unknown as PinoLogger;

export async function eventually(condition: () => boolean, withinMs = 3_000): Promise<void> {
  const until = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > until) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
