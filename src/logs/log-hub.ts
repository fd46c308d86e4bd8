import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { LIMITS } from '../common/limits.js';
import { Clock } from '../common/time/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import { DomainEvents } from '../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { DriverError } from '../drivers/driver-error.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../drivers/workspace.js';
import { workspaceOf } from '../workspace/workspace-ref.js';
import type { LogRecord } from '../drivers/workspace-logs.js';
import { LogStream } from './stream/log-stream.js';
import { markSources } from './log-source.js';
import { LogSubscription, type StreamFilter } from './log-subscription.js';
import { EVERYTHING } from '../persistence/everything.js';

/** How long a stream stays open for the next reader after the last one has left. */
const LINGER_MS = 5_000;
const HISTORY_TIMEOUT_MS = 30_000;
export const MAX_TAIL = LIMITS.logTail;

export interface JoinedLog {
  subscription: LogSubscription;
  /** The lines before the subscription, which continues them without gap or repetition. */
  initial: LogRecord[] | undefined;
  /** Ends the subscription. May be called more than once. */
  leave(): void;
}

interface SharedStream {
  stream: LogStream;
  /** Number of readers, including those that are joining. */
  readers: number;
  linger?: NodeJS.Timeout;
}

/** Shares one engine stream for each container among all of its readers. */
@Injectable()
export class LogHub implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly streams = new Map<string, SharedStream>();
  private listeners: (() => void)[] = [];

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly rows: ContainersRepository,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(LogHub.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.listeners = [
      this.events.on('container.changed', ({ containerId }) => this.resume(containerId)),
      this.events.on('container.removed', ({ containerId }) => this.end(containerId, 'removed')),
      this.events.on('engine.available', () => this.streams.forEach(({ stream }) => stream.reconnect())),
    ];
  }

  onModuleDestroy(): void {
    for (const each of this.listeners) each();
    for (const id of this.streams.keys()) this.end(id, 'shutdown');
  }

  /** Number of open engine streams. */
  get openStreams(): number {
    return this.streams.size;
  }

  /**
   * Joins the log of a container: the latest `tail` lines, and a subscription to those that follow.
   * @param onEntries is called when the subscription has entries to take
   * @param source of the lines; all of them by default
   * @throws DomainError `invalid_state` when the container has no object at the engine
   * @throws DriverError when the engine cannot be read from
   */
  async join(
    row: ContainerRow,
    tail: number,
    filter: StreamFilter,
    onEntries: () => void,
    source?: string,
  ): Promise<JoinedLog> {
    const workspace = requireOutput(row);
    const shared = this.streamOf(workspace);
    const { stream } = shared;
    const subscription = new LogSubscription(filter, onEntries, () => performance.now(), source);
    const leave = once(() => {
      stream.delete(subscription);
      subscription.close();
      this.release(row.id, shared);
    });
    try {
      await stream.start();
      // There is no await between reading the ring and adding the subscription, so that no line falls between them.
      const recent = stream.ring.lines((record) => subscription.wants(record));
      const onlyAlreadyRead = stream.alreadyReadFilter();
      const isEnough = recent.length >= tail || stream.ring.isComplete;
      stream.add(subscription);
      const lines = isEnough ? recent : onlyAlreadyRead(await this.history(workspace, tail, filter, { source }));
      return { subscription, initial: latest(tail, lines), leave };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Reads the latest `tail` lines of the given streams, source and time range from the engine. @throws DriverError */
  async history(
    workspace: WorkspaceRef,
    tail: number,
    filter: StreamFilter,
    { source, ...range }: { since?: string; until?: string; source?: string } = {},
  ): Promise<LogRecord[]> {
    const signal = AbortSignal.timeout(HISTORY_TIMEOUT_MS);
    const request = { follow: false, tail, ...range, stdout: filter !== 'stderr', stderr: filter !== 'stdout', signal };
    const wants = (record: LogRecord): boolean => markSources([record])[0]!.source === source;
    const lines: LogRecord[] = [];
    for await (const batch of this.driver.logs(workspace, source === undefined ? request : { ...request, wants })) {
      for (const { stream, timestamp, message } of batch) lines.push({ stream, timestamp, message });
    }
    return markSources(lines);
  }

  private streamOf(workspace: WorkspaceRef): SharedStream {
    const known = this.streams.get(workspace.id);
    if (known !== undefined && !known.stream.isClosed) {
      clearTimeout(known.linger);
      known.readers += 1;
      return known;
    }
    const shared = { stream: new LogStream(workspace, this.driver, this.clock, this.logger), readers: 1 };
    this.streams.set(workspace.id, shared);
    return shared;
  }

  private release(id: string, shared: SharedStream): void {
    shared.readers -= 1;
    if (shared.readers > 0) return;
    if (this.streams.get(id) !== shared) return shared.stream.close();
    if (shared.stream.isClosed) return void this.streams.delete(id);
    shared.linger = setTimeout(() => this.end(id), LINGER_MS);
  }

  private async resume(id: string): Promise<void> {
    const known = this.streams.get(id);
    if (known === undefined) return;
    const row = await this.rows.findById(id, EVERYTHING);
    if (row?.status === 'running') known.stream.resume(workspaceOf(row));
  }

  private end(id: string, reason?: string): void {
    const known = this.streams.get(id);
    clearTimeout(known?.linger);
    known?.stream.close(reason);
    this.streams.delete(id);
  }
}

/** Unlike `slice(-count)`, which returns everything for 0. */
function latest(count: number, records: LogRecord[]): LogRecord[] {
  return records.slice(Math.max(0, records.length - count));
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}

/** @throws DomainError `invalid_state` when the container has no object at the engine */
export function requireOutput(row: ContainerRow): WorkspaceRef {
  if (row.runtimeId === null || row.status === 'missing') throw noOutput(row);
  return { id: row.id, runtimeId: row.runtimeId };
}

/** The error of a read, when the container has just lost its object at the engine, as at a rebuild. The row follows. */
export function readFailure(row: ContainerRow, error: unknown): unknown {
  return error instanceof DriverError && error.code === 'not_found' ? noOutput(row, error) : error;
}

function noOutput({ status }: ContainerRow, cause?: unknown): DomainError {
  const detail =
    status === 'running'
      ? 'The container has just been removed at the engine.'
      : `The container is ${status} and has no output.`;
  return new DomainError('invalid_state', detail, { extensions: { currentStatus: status }, cause });
}
