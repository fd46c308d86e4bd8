import type { PinoLogger } from 'nestjs-pino';
import type { Clock } from '../common/time/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import { DriverError } from '../drivers/driver-error.js';
import type { TerminalSize } from '../drivers/workspace-process.js';
import type { PtyHostConnection } from './pty-host-connection.js';
import type { EndReason, TerminalViewer } from './terminal-viewer.js';

const RETRY_MS = { first: 200, longest: 3_000 };

export interface TerminalWays {
  /** @throws DomainError `terminal_not_found`, DriverError */
  attach(): Promise<PtyHostConnection>;
  /** Whether its container runs, as far as DevForge knows. */
  isContainerRunning(): Promise<boolean>;
  /** Called when the terminal is no more, or this stream was closed. */
  onEnd(): void;
}

/** The one connection of this process to a terminal, shared by all who view it. It is made anew when it breaks. */
export class TerminalStream {
  private readonly viewers = new Set<TerminalViewer>();
  private readonly closed = new AbortController();
  private connection: PtyHostConnection | undefined;
  private isScreenComing = false;
  private outcome: { exitCode: number | null; reason: EndReason } | undefined;
  /** When somebody typed, or opened it. */
  lastUsedAt: Date;

  constructor(
    readonly id: string,
    readonly containerId: string,
    private readonly ways: TerminalWays,
    private readonly clock: Clock,
    private readonly logger: PinoLogger,
  ) {
    this.lastUsedAt = clock.now();
  }

  get viewerCount(): number {
    return this.viewers.size;
  }

  /** Follows the terminal over this connection, and over others when it breaks. */
  follow(connection: PtyHostConnection): void {
    this.run(connection).catch((error: unknown) => {
      this.logger.error(
        { err: error, terminalId: this.id, containerId: this.containerId },
        'A terminal could not be followed',
      );
      this.end(null, 'lost');
    });
  }

  /** The viewer is shown the screen, then what happens from there on. */
  add(viewer: TerminalViewer): void {
    // It may have ended since it was opened.
    if (this.outcome !== undefined) return viewer.ended(this.outcome.exitCode, this.outcome.reason);
    this.viewers.add(viewer);
    this.requestScreen();
  }

  delete(viewer: TerminalViewer): void {
    this.viewers.delete(viewer);
    // Nobody waits for it any longer.
    viewer.reset();
  }

  /** All who wait get the one that comes next. */
  requestScreen(): void {
    if (this.isScreenComing || this.connection === undefined) return;
    this.isScreenComing = true;
    this.connection.request({ op: 'screen' });
  }

  /** @throws DomainError `terminal_input_full`, `terminal_unavailable` */
  input(data: string): void {
    if (!this.connected().input(data))
      throw new DomainError(
        'terminal_input_full',
        'The program in the terminal has not taken its input yet: send this again later.',
      );
    this.lastUsedAt = this.clock.now();
  }

  /** The latest size holds, whoever asked for it. @throws DomainError `terminal_unavailable` */
  resize({ columns, rows }: TerminalSize): void {
    this.connected().request({ op: 'resize', cols: columns, rows });
  }

  /** Ends all that runs in it. @throws DomainError `terminal_unavailable` */
  endTerminal(): void {
    this.connected().request({ op: 'end' });
  }

  /** Lets go; the terminal goes on. */
  close(): void {
    this.closed.abort();
    this.connection?.close();
    this.ways.onEnd();
  }

  private connected(): PtyHostConnection {
    if (this.connection === undefined)
      throw new DomainError('terminal_unavailable', 'The way to the terminal is interrupted; it is being restored.', {
        retryAfterSeconds: 1,
      });
    return this.connection;
  }

  private async run(first: PtyHostConnection): Promise<void> {
    for (
      let connection: PtyHostConnection | undefined = first;
      connection !== undefined;
      connection = await this.reattach()
    ) {
      this.connection = connection;
      this.isScreenComing = false;
      for (const viewer of this.viewers) viewer.reset();
      if (this.viewers.size > 0) this.requestScreen();
      const exitCode = await this.pump(connection);
      this.connection = undefined;
      connection.close();
      if (this.closed.signal.aborted) return;
      if (exitCode !== undefined) return this.end(exitCode, 'exited');
    }
  }

  /** @returns the exit code, or undefined when the connection broke before the terminal ended */
  private async pump(connection: PtyHostConnection): Promise<number | undefined> {
    try {
      for await (const event of connection.events()) {
        if (event.kind === 'exit') return event.exitCode;
        for (const viewer of this.viewers) {
          if (event.kind === 'output') viewer.output(event.text);
          else if (event.kind === 'screen') viewer.showScreen(event.text, event.size);
          else viewer.resized(event.size);
        }
        if (event.kind === 'screen') this.isScreenComing = false;
        for (const viewer of this.viewers) {
          const writable = viewer.whenWritable();
          if (writable !== undefined) await writable;
        }
      }
    } catch (error) {
      if (!this.closed.signal.aborted)
        this.logger.debug({ err: error, terminalId: this.id }, 'The connection to a terminal broke');
    }
    return undefined;
  }

  /** @returns undefined when there is nothing to attach to any more */
  private async reattach(): Promise<PtyHostConnection | undefined> {
    for (let wait = RETRY_MS.first; !this.closed.signal.aborted; wait = Math.min(wait * 2, RETRY_MS.longest)) {
      try {
        const connection = await this.ways.attach();
        if (!this.closed.signal.aborted) return connection;
        connection.close();
      } catch (error) {
        const reason = await this.reasonOf(error);
        if (reason !== undefined) {
          this.end(null, reason);
          return undefined;
        }
        await this.clock.sleep(wait, this.closed.signal);
      }
    }
    return undefined;
  }

  /** Why the terminal is no more, or undefined when it may well be. */
  private async reasonOf(error: unknown): Promise<EndReason | undefined> {
    if (error instanceof DriverError)
      return error.code === 'conflict' || error.code === 'not_found' ? 'container_stopped' : undefined;
    if (!(error instanceof DomainError) || error.code !== 'terminal_not_found') return undefined;
    return (await this.ways.isContainerRunning()) ? 'lost' : 'container_stopped';
  }

  private end(exitCode: number | null, reason: EndReason): void {
    this.closed.abort();
    this.outcome = { exitCode, reason };
    for (const viewer of this.viewers) viewer.ended(exitCode, reason);
    this.viewers.clear();
    this.ways.onEnd();
  }
}
