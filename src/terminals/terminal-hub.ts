import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../common/time/clock.js';
import { IdGenerator } from '../common/id-generator.js';
import { requireRunning } from '../workspace/programs/program-failure.js';
import { DomainEvents } from '../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import type { TerminalSize } from '../drivers/workspace-process.js';
import type { PtyHostConnection } from './pty-host-connection.js';
import { type HostedTerminal, PtyHost, terminalNotFound } from './pty-host.js';
import { TerminalStream } from './terminal-stream.js';

/** How long a terminal is followed for the next viewer after the last one left. */
const LINGER_MS = 5_000;

interface SharedStream {
  containerId: string;
  stream: Promise<TerminalStream>;
}

export interface ListedTerminal extends HostedTerminal {
  /** Of this process. */
  clients: number;
}

/** The terminals that somebody views, each over one connection, shared by all who do. */
@Injectable()
export class TerminalHub implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly streams = new Map<string, SharedStream>();
  private readonly usedAt = new Map<string, Date>();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly holder: PtyHost,
    private readonly rows: ContainersRepository,
    private readonly events: DomainEvents,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
    @InjectPinoLogger(TerminalHub.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.on('container.removed', ({ containerId }) => void this.usedAt.delete(containerId));
  }

  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    await Promise.all(
      [...this.streams.values()].map(async ({ stream }) => (await stream.catch(() => undefined))?.close()),
    );
  }

  /** How many connections to terminals there are. */
  get openStreams(): number {
    return this.streams.size;
  }

  /** When a terminal of the container was last opened or typed in through this process. */
  lastUsedAt(containerId: string): Date | undefined {
    return this.usedAt.get(containerId);
  }

  /** Starts a shell. @throws DomainError `invalid_state`, `too_many_terminals`, `terminal_unavailable`; DriverError */
  open(row: ContainerRow, size: TerminalSize): Promise<TerminalStream> {
    requireRunning(row);
    const id = this.ids.next();
    return this.share(row, id, this.holder.open(row, id, size));
  }

  /** @throws DomainError `invalid_state`, `terminal_not_found`, `terminal_unavailable`; DriverError */
  join(row: ContainerRow, id: string): Promise<TerminalStream> {
    requireRunning(row);
    const known = this.streams.get(id);
    if (known === undefined) return this.share(row, id, this.holder.attach(row, id));
    if (known.containerId !== row.id) throw terminalNotFound(id);
    return known.stream;
  }

  used(containerId: string): void {
    this.usedAt.set(containerId, this.clock.now());
  }

  /** Lets go of a terminal that nobody views, after a while. */
  release(stream: TerminalStream): void {
    setTimeout(() => {
      if (stream.viewerCount === 0) stream.close();
    }, LINGER_MS).unref();
  }

  /** A container that does not run has none. @throws DriverError, DomainError `terminal_unavailable` */
  async list(row: ContainerRow): Promise<ListedTerminal[]> {
    if (row.status !== 'running') return [];
    const held = await this.holder.list(row);
    return Promise.all(
      held.map(async (terminal) => ({
        ...terminal,
        clients: (await this.streams.get(terminal.id)?.stream.catch(() => undefined))?.viewerCount ?? 0,
      })),
    );
  }

  /** Ends all that runs in it. @throws DomainError `terminal_not_found`, `invalid_state`, `terminal_unavailable`; DriverError */
  async end(row: ContainerRow, id: string): Promise<void> {
    await this.holder.end(row, id);
  }

  private share(row: ContainerRow, id: string, connecting: Promise<PtyHostConnection>): Promise<TerminalStream> {
    const ways = {
      attach: () => this.holder.attach(row, id),
      isContainerRunning: async () => (await this.rows.findById(row.id))?.status === 'running',
      onEnd: () => this.forget(id, shared),
    };
    const stream = connecting.then(
      (connection) => {
        const following = new TerminalStream(id, row.id, ways, this.clock, this.logger);
        following.follow(connection);
        this.release(following);
        return following;
      },
      (error: unknown) => {
        this.forget(id, shared);
        throw error;
      },
    );
    const shared = { containerId: row.id, stream };
    this.streams.set(id, shared);
    return stream;
  }

  private forget(id: string, shared: SharedStream): void {
    if (this.streams.get(id) === shared) this.streams.delete(id);
  }
}
