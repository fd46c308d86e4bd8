import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../drivers/workspace.js';
import { DriverError } from '../drivers/driver-error.js';
import type { TerminalSize } from '../drivers/workspace-process.js';
import { PtyHostConnection } from './pty-host-connection.js';
import type { PtyHostRequest } from './terminal-frames.js';

/** A terminal as its holder describes it. */
export interface HostedTerminal {
  id: string;
  size: TerminalSize;
  /** What a program set; empty without one. */
  title: string;
  startedAt: Date;
  /** When something was typed, or it was opened. */
  lastUsedAt: Date;
}

const PROGRAM = '/usr/local/bin/devforge-terminal';
const ANSWER_MS = 20_000;
/** The holder ends with its last terminal, which may be just when it is asked for another one. */
const OPEN_TRIES = 3;
/** Exit codes: of the program, when there is no holder, and of the engine, when there is no such program. */
const NO_HOLDER = 3;
const NO_PROGRAM = [126, 127];

type Verb = 'open' | 'attach';

/**
 * Talks with the process that holds a container's terminals. It lives in the container, is started for the first terminal
 * and ends with the last one.
 *
 * Everything rejects with {@link DriverError} when the engine does not help, and with DomainError `terminal_unavailable`
 * when the holder does not.
 */
@Injectable()
export class PtyHost {
  constructor(private readonly driver: WorkspaceDriver) {}

  /** Starts a shell. @throws DomainError `too_many_terminals` */
  async open(workspace: WorkspaceRef, id: string, { columns, rows }: TerminalSize): Promise<PtyHostConnection> {
    for (let tries = 1; ; tries++) {
      const connection = await this.connect(workspace, 'open', { op: 'open', id, cols: columns, rows });
      if (connection !== undefined) return connection;
      if (tries === OPEN_TRIES) throw unavailable('The terminals of the container cannot be reached.');
    }
  }

  /** @throws DomainError `terminal_not_found` */
  async attach(workspace: WorkspaceRef, id: string): Promise<PtyHostConnection> {
    const connection = await this.connect(workspace, 'attach', { op: 'attach', id });
    if (connection === undefined) throw terminalNotFound(id);
    return connection;
  }

  async list(workspace: WorkspaceRef): Promise<HostedTerminal[]> {
    const { connection, answer } = await this.ask(workspace, 'attach', { op: 'list' });
    connection.close();
    const terminals: unknown = answer?.['terminals'] ?? [];
    if (!Array.isArray(terminals)) throw unavailable('The terminals of the container cannot be listed.');
    return terminals.map(toHeldTerminal);
  }

  /** Ends whatever runs in it. @throws DomainError `terminal_not_found` */
  async end(workspace: WorkspaceRef, id: string): Promise<void> {
    const connection = await this.connect(workspace, 'attach', { op: 'end', id });
    if (connection === undefined) throw terminalNotFound(id);
    connection.close();
  }

  /** @returns undefined when there is no holder */
  private async connect(
    workspace: WorkspaceRef,
    verb: Verb,
    request: PtyHostRequest,
  ): Promise<PtyHostConnection | undefined> {
    const { connection, answer } = await this.ask(workspace, verb, request);
    if (answer?.['ok'] === true) return connection;
    connection.close();
    if (answer === undefined) return undefined;
    if (answer['error'] === 'terminal_not_found') return undefined;
    if (answer['error'] === 'too_many_terminals')
      throw new DomainError('too_many_terminals', 'The container has as many terminals as it may have: close one.');
    throw unavailable('No shell could be started in the container: it may be out of processes or memory.');
  }

  private async ask(
    workspace: WorkspaceRef,
    verb: Verb,
    request: PtyHostRequest,
  ): Promise<{ connection: PtyHostConnection; answer: Record<string, unknown> | undefined }> {
    const connection = new PtyHostConnection(await this.driver.open(workspace, { argv: [PROGRAM, verb] }));
    try {
      const answer = await withTimeout(connection.ask(request), ANSWER_MS);
      if (answer === undefined) await this.explain(connection);
      return { connection, answer };
    } catch (error) {
      connection.close();
      throw error instanceof DriverError || error instanceof DomainError
        ? error
        : unavailable(`The terminals of the container do not answer: ${String(error)}`);
    }
  }

  /** @throws DomainError when there is more to it than a holder that is not there */
  private async explain(connection: PtyHostConnection): Promise<void> {
    const { exitCode, lastWords } = await connection.ended();
    if (NO_PROGRAM.includes(exitCode))
      throw new DomainError(
        'image_outdated',
        'The container was made from an image that has no terminals yet; create it anew.',
      );
    // 1 is that the holder has ended in between.
    if (exitCode > NO_HOLDER) throw new DriverError('failed', `${PROGRAM} ended with ${exitCode}: ${lastWords}`);
  }
}

export function terminalNotFound(id: string): DomainError {
  return new DomainError('terminal_not_found', `There is no terminal "${id}": it has ended, or never was.`);
}

function unavailable(message: string): DomainError {
  return new DomainError('terminal_unavailable', message, { retryAfterSeconds: 1 });
}

/** What a container says of itself is checked. */
function toHeldTerminal(given: unknown): HostedTerminal {
  const { id, cols, rows, title, startedAt, lastUsedAt } = (given ?? {}) as Record<string, unknown>;
  const [started, used] = [new Date(String(startedAt)), new Date(String(lastUsedAt))];
  if (
    typeof id !== 'string' ||
    !Number.isInteger(cols) ||
    !Number.isInteger(rows) ||
    Number.isNaN(started.valueOf()) ||
    Number.isNaN(used.valueOf())
  ) {
    throw unavailable('The terminals of the container cannot be listed.');
  }
  return {
    id,
    size: { columns: cols as number, rows: rows as number },
    title: typeof title === 'string' ? title : '',
    startedAt: started,
    lastUsedAt: used,
  };
}
