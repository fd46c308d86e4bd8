import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../common/clock.js';
import { DomainError } from '../common/domain-error.js';
import { DomainEvents } from '../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers.repository.js';
import { ContainerRuntime, type LogRecord } from '../runtime/container-runtime.js';
import { FIRST_TAIL, LogStream } from './log-stream.js';
import { LogSubscription, type StreamFilter } from './log-subscription.js';

/** How long a stream is held for the next reader after the last one left. */
const LINGER_MS = 5_000;
const HISTORY_TIMEOUT_MS = 30_000;
export const LONGEST_TAIL = 10_000;

export interface JoinedLog {
  subscription: LogSubscription;
  /** The lines from before; what the subscription gets follows them without gap or repeat. */
  initial: LogRecord[] | undefined;
  leave(): void;
}

/** One engine stream for each container that somebody reads, shared by all who do. */
@Injectable()
export class LogHub implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly streams = new Map<string, { stream: LogStream; linger?: NodeJS.Timeout }>();
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly runtime: ContainerRuntime,
    private readonly rows: ContainersRepository,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(LogHub.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => this.follow(containerId)),
      this.events.on('container.removed', ({ containerId }) => this.end(containerId, 'removed')),
    ];
  }

  onModuleDestroy(): void {
    for (const each of this.unsubscribe) each();
    for (const id of this.streams.keys()) this.end(id, 'shutdown');
  }

  /** How many engine streams are open. */
  get openStreams(): number {
    return this.streams.size;
  }

  /** @throws DomainError `invalid_state` when the container has no output to read */
  async join(row: ContainerRow, tail: number, filter: StreamFilter, onEntries: () => void): Promise<JoinedLog> {
    const dockerId = requireDockerId(row);
    const stream = this.streamOf(row.id, dockerId);
    const subscription = new LogSubscription(filter, onEntries, () => performance.now());
    await stream.start();
    const older = tail > FIRST_TAIL ? await this.history(dockerId, tail, filter) : [];
    // Nothing is awaited between the ring's lines and the first live one.
    const recent = stream.ring.tail(Number.POSITIVE_INFINITY, (record) => subscription.wants(record));
    stream.add(subscription);
    const initial = [...before(older, recent[0]), ...recent].slice(-tail);
    return { subscription, initial, leave: () => this.leave(row.id, stream, subscription) };
  }

  /** The latest lines as the engine has them now. */
  async history(dockerId: string, tail: number, filter: StreamFilter, range: { since?: string; until?: string } = {}): Promise<LogRecord[]> {
    const limit = AbortSignal.timeout(HISTORY_TIMEOUT_MS);
    const request = { follow: false, tail, ...range, stdout: filter !== 'stderr', stderr: filter !== 'stdout', signal: limit };
    const records: LogRecord[] = [];
    for await (const batch of this.runtime.containers.logs(dockerId, request)) records.push(...batch);
    return records;
  }

  private streamOf(id: string, dockerId: string): LogStream {
    const known = this.streams.get(id);
    if (known !== undefined) {
      clearTimeout(known.linger);
      return known.stream;
    }
    const stream = new LogStream(dockerId, this.runtime, this.clock, this.logger);
    this.streams.set(id, { stream });
    return stream;
  }

  private leave(id: string, stream: LogStream, subscription: LogSubscription): void {
    if (!stream.delete(subscription)) return;
    const known = this.streams.get(id);
    if (known?.stream !== stream) return void stream.close();
    known.linger = setTimeout(() => {
      stream.close();
      if (this.streams.get(id)?.stream === stream) this.streams.delete(id);
    }, LINGER_MS);
  }

  private async follow(id: string): Promise<void> {
    const known = this.streams.get(id);
    if (known === undefined) return;
    const row = await this.rows.findById(id);
    if (row?.status === 'running') known.stream.resume(row.dockerId!);
  }

  private end(id: string, reason: string): void {
    const known = this.streams.get(id);
    clearTimeout(known?.linger);
    known?.stream.close(reason);
    this.streams.delete(id);
  }
}

/** The records from before the given one; all of them when it is not among them. */
function before(records: LogRecord[], first: LogRecord | undefined): LogRecord[] {
  if (first === undefined) return records;
  const at = records.findIndex(({ stream, timestamp, message }) => timestamp === first.timestamp && stream === first.stream && message === first.message);
  return at < 0 ? records.filter(({ timestamp }) => timestamp < first.timestamp) : records.slice(0, at);
}

export function requireDockerId(row: ContainerRow): string {
  if (row.dockerId === null || row.status === 'missing') {
    throw new DomainError('invalid_state', `The container is ${row.status} and has no output.`, { extensions: { currentStatus: row.status } });
  }
  return row.dockerId;
}
