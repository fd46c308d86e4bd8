import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { GarbageLimit } from '../common/bytes/garbage-limit.js';
import { Clock } from '../common/time/clock.js';
import { IdGenerator } from '../common/id-generator.js';
import { PausedWorkspaces } from '../workspace/paused-workspaces.js';
import { requireRunning } from '../workspace/programs/program-failure.js';
import { DomainEvents } from '../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import type { TerminalSize } from '../drivers/workspace-process.js';
import type { PtyHostConnection } from './pty-host-connection.js';
import { type HostedTerminal, PtyHost, terminalNotFound } from './pty-host.js';
import { TerminalStream } from './terminal-stream.js';

/** How long the connection to a terminal is kept after its last viewer has left. */
const LINGER_MS = 5_000;
/** Characters: each becomes a string and a message for each viewer. */
const COLLECT_AFTER_CHARACTERS = 1024 * 1024;

interface SharedStream {
  containerId: string;
  stream: Promise<TerminalStream>;
}

export interface ListedTerminal extends HostedTerminal {
  /** Number of viewers in this process. */
  clients: number;
}

/** The terminals with viewers, each over one connection that they share. */
@Injectable()
export class TerminalHub implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly streams = new Map<string, SharedStream>();
  private readonly garbage = new GarbageLimit(COLLECT_AFTER_CHARACTERS);
  private readonly usedAt = new Map<string, Date>();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly ptyHost: PtyHost,
    private readonly containers: ContainersRepository,
    private readonly events: DomainEvents,
    private readonly ids: IdGenerator,
    private readonly paused: PausedWorkspaces,
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

  /** Number of connections to terminals. */
  get openStreams(): number {
    return this.streams.size;
  }

  /** When a terminal of the container was last opened or had input through this process. */
  lastUsedAt(containerId: string): Date | undefined {
    return this.usedAt.get(containerId);
  }

  /** Starts a shell. @throws DomainError `invalid_state`, `too_many_terminals`, `terminal_unavailable`; DriverError */
  open(row: ContainerRow, size: TerminalSize): Promise<TerminalStream> {
    this.requireResponsive(row);
    const id = this.ids.next();
    return this.share(row, id, this.ptyHost.open(row, id, size));
  }

  /** @throws DomainError `invalid_state`, `terminal_not_found`, `terminal_unavailable`; DriverError */
  join(row: ContainerRow, id: string): Promise<TerminalStream> {
    this.requireResponsive(row);
    const known = this.streams.get(id);
    if (known === undefined) return this.share(row, id, this.ptyHost.attach(row, id));
    if (known.containerId !== row.id) throw terminalNotFound(id);
    return known.stream;
  }

  used(containerId: string): void {
    this.usedAt.set(containerId, this.clock.now());
  }

  /** Closes the connection after a while, unless the terminal has viewers. */
  release(stream: TerminalStream): void {
    setTimeout(() => {
      if (stream.viewerCount === 0) stream.close();
    }, LINGER_MS).unref();
  }

  /** Returns an empty list for a container that is not running. @throws DriverError, DomainError `terminal_unavailable` */
  async list(row: ContainerRow): Promise<ListedTerminal[]> {
    if (row.status !== 'running') return [];
    const terminals = await this.ptyHost.list(row);
    return Promise.all(
      terminals.map(async (terminal) => ({ ...terminal, clients: await this.viewersOf(row.id, terminal.id) })),
    );
  }

  /**
   * Ends the terminal with its processes.
   * @throws DomainError `terminal_not_found`, `invalid_state`, `terminal_unavailable`; DriverError
   */
  async end(row: ContainerRow, id: string): Promise<void> {
    await this.ptyHost.end(row, id);
  }

  /** The ids come from the workspace, which may name terminals of other containers. */
  private async viewersOf(containerId: string, id: string): Promise<number> {
    const shared = this.streams.get(id);
    if (shared?.containerId !== containerId) return 0;
    return (await shared.stream.catch(() => undefined))?.viewerCount ?? 0;
  }

  private requireResponsive(row: ContainerRow): void {
    requireRunning(row);
    this.paused.requireUnpaused(row);
  }

  private share(row: ContainerRow, id: string, connecting: Promise<PtyHostConnection>): Promise<TerminalStream> {
    const dependencies = {
      attach: () => this.ptyHost.attach(row, id),
      isContainerRunning: async () => (await this.containers.findById(row.id, [row.projectId]))?.status === 'running',
      requireUnpaused: () => this.paused.requireUnpaused(row),
      onOutput: this.garbage.count,
      onEnd: () => this.removeStream(id, shared),
    };
    const stream = connecting.then(
      (connection) => {
        const following = new TerminalStream(id, row.id, dependencies, this.clock, this.logger);
        following.follow(connection);
        this.release(following);
        return following;
      },
      (error: unknown) => {
        this.removeStream(id, shared);
        throw error;
      },
    );
    const shared = { containerId: row.id, stream };
    this.streams.set(id, shared);
    return stream;
  }

  private removeStream(id: string, shared: SharedStream): void {
    if (this.streams.get(id) === shared) this.streams.delete(id);
  }
}
