import type { PinoLogger } from 'nestjs-pino';
import type { Clock } from '../common/time/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { TerminalSize } from '../drivers/workspace-process.js';
import type { PtyHostConnection } from './pty-host-connection.js';
import type { EndReason, TerminalViewer } from './terminal-viewer.js';

const RETRY_MS = { first: 200, max: 3_000 };

export interface TerminalStreamDependencies {
  /** @throws DomainError `terminal_not_found`, DriverError */
  attach(): Promise<PtyHostConnection>;
  /** Whether the container is running according to the database. */
  isContainerRunning(): Promise<boolean>;
  /** @throws DomainError `invalid_state` while the container is paused */
  requireUnpaused(): void;
  onOutput(text: string): void;
  /** Called when the terminal has ended or this stream was closed. */
  onEnd(): void;
}

/** The connection of this process to a terminal, shared by all its viewers. It is re-established when it breaks. */
export class TerminalStream {
  private readonly viewers = new Set<TerminalViewer>();
  private readonly closed = new AbortController();
  private connection: PtyHostConnection | undefined;
  private isScreenRequested = false;
  private outcome: { exitCode: number | null; reason: EndReason } | undefined;
  /** When it was opened, or last had input. */
  lastUsedAt: Date;

  constructor(
    readonly id: string,
    readonly containerId: string,
    private readonly dependencies: TerminalStreamDependencies,
    private readonly clock: Clock,
    private readonly logger: PinoLogger,
  ) {
    this.lastUsedAt = clock.now();
  }

  get viewerCount(): number {
    return this.viewers.size;
  }

  /** Relays events over this connection, and over new ones when it breaks. */
  follow(connection: PtyHostConnection): void {
    this.run(connection).catch((error: unknown) => {
      this.logger.error(
        { err: error, terminalId: this.id, containerId: this.containerId },
        'Relaying the events of a terminal failed',
      );
      this.end(null, 'lost');
    });
  }

  /** The viewer gets the screen, then all events after it. */
  add(viewer: TerminalViewer): void {
    // The terminal may have ended since it was opened.
    if (this.outcome !== undefined) return viewer.ended(this.outcome.exitCode, this.outcome.reason);
    this.viewers.add(viewer);
    this.requestScreen();
  }

  delete(viewer: TerminalViewer): void {
    this.viewers.delete(viewer);
    // The relay must not wait for this viewer any longer.
    viewer.reset();
  }

  /** Requests a screen for all viewers that wait for one. */
  requestScreen(): void {
    if (this.isScreenRequested || this.connection === undefined) return;
    this.isScreenRequested = true;
    this.connection.request({ op: 'screen' });
  }

  /** Resolves when the program has been given it. @throws DomainError `terminal_input_full`, `terminal_unavailable`, `invalid_state` */
  async input(data: string): Promise<void> {
    const sending = this.requireConnection().input(data);
    if (sending === undefined)
      throw new DomainError(
        'terminal_input_full',
        'The program in the terminal has not read its previous input yet: try again later.',
      );
    this.lastUsedAt = this.clock.now();
    if (!(await sending))
      throw new DomainError(
        'terminal_unavailable',
        'The terminal ended, or the connection to it, before it had all input.',
      );
  }

  /** The last size requested by any client applies. @throws DomainError `terminal_unavailable` */
  resize({ columns, rows }: TerminalSize): void {
    this.requireConnection().request({ op: 'resize', cols: columns, rows });
  }

  /** Ends the terminal with its processes. @throws DomainError `terminal_unavailable` */
  endTerminal(): void {
    this.requireConnection().request({ op: 'end' });
  }

  /** Closes the connection; the terminal goes on. */
  close(): void {
    this.closed.abort();
    this.connection?.close();
    this.dependencies.onEnd();
  }

  private requireConnection(): PtyHostConnection {
    this.dependencies.requireUnpaused();
    if (this.connection === undefined)
      throw new DomainError(
        'terminal_unavailable',
        'The connection to the terminal is interrupted; it is being re-established.',
        {
          retryAfterSeconds: 1,
        },
      );
    return this.connection;
  }

  private async run(first: PtyHostConnection): Promise<void> {
    for (
      let connection: PtyHostConnection | undefined = first;
      connection !== undefined;
      connection = await this.reattach()
    ) {
      this.connection = connection;
      this.isScreenRequested = false;
      for (const viewer of this.viewers) viewer.reset();
      if (this.viewers.size > 0) this.requestScreen();
      const exitCode = await this.relayEvents(connection);
      this.connection = undefined;
      connection.close();
      if (this.closed.signal.aborted) return;
      if (exitCode !== undefined) return this.end(exitCode, 'exited');
    }
  }

  /** @returns the exit code, or undefined when the connection broke before the terminal ended */
  private async relayEvents(connection: PtyHostConnection): Promise<number | undefined> {
    try {
      for await (const event of connection.events()) {
        if (event.kind === 'exit') return event.exitCode;
        if (event.kind === 'output') this.dependencies.onOutput(event.text);
        for (const viewer of this.viewers) {
          if (event.kind === 'output') viewer.output(event.text);
          else if (event.kind === 'screen') viewer.showScreen(event.text, event.size);
          else viewer.resized(event.size);
        }
        if (event.kind === 'screen') this.isScreenRequested = false;
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

  /** @returns undefined when the terminal has ended */
  private async reattach(): Promise<PtyHostConnection | undefined> {
    for (let wait = RETRY_MS.first; !this.closed.signal.aborted; wait = Math.min(wait * 2, RETRY_MS.max)) {
      try {
        const connection = await this.dependencies.attach();
        if (!this.closed.signal.aborted) return connection;
        connection.close();
      } catch (error) {
        const reason = await this.endReasonOf(error);
        if (reason !== undefined) {
          this.end(null, reason);
          return undefined;
        }
        await this.clock.sleep(wait, this.closed.signal);
      }
    }
    return undefined;
  }

  /** Why the terminal has ended, or undefined when it may still exist. */
  private async endReasonOf(error: unknown): Promise<EndReason | undefined> {
    if (!(error instanceof DomainError)) return undefined;
    if (error.code === 'invalid_state') return 'container_stopped';
    if (error.code !== 'terminal_not_found') return undefined;
    return (await this.dependencies.isContainerRunning()) ? 'lost' : 'container_stopped';
  }

  private end(exitCode: number | null, reason: EndReason): void {
    this.closed.abort();
    this.outcome = { exitCode, reason };
    for (const viewer of this.viewers) viewer.ended(exitCode, reason);
    this.viewers.clear();
    this.dependencies.onEnd();
  }
}
