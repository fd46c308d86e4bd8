import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { plainText } from '../common/plain-text.js';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { DriverError } from '../drivers/driver-error.js';
import type { TerminalSize } from '../drivers/workspace-process.js';
import { isOutdated } from '../workspace/programs/program-failure.js';
import { type ProgramTarget, WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import { PtyHostConnection } from './pty-host-connection.js';
import { PTY_HOST_FRAMES, type PtyHostRequest } from './terminal-frames.js';

/** A terminal as its PTY host describes it. */
export interface HostedTerminal {
  id: string;
  size: TerminalSize;
  /** Set by a program in the terminal; empty without one. */
  title: string;
  startedAt: Date;
  /** When it was opened, or last typed in. */
  lastUsedAt: Date;
}

const ANSWER_TIMEOUT_MS = 20_000;
/** The PTY host ends with its last terminal, which may be just when it is asked for another one. */
const OPEN_ATTEMPTS = 3;
/** Exit codes of the program: the PTY host ended in between, or is not there. */
const HOST_ENDED = 1;
const NO_HOST = 3;

const MAX_LISTED = 1_000;
const MAX_ID_LENGTH = 100;
const MAX_TITLE_LENGTH = 500;

type Verb = 'open' | 'attach';

/**
 * Talks with the process in a container that owns its terminals. It is started for the first terminal and ends with the last.
 *
 * Everything rejects with {@link DriverError} when the engine fails, and with DomainError `invalid_state` when the container
 * does not run, `image_outdated` when it has no such program, `terminal_unavailable` or `workspace_tool_failed` when the PTY
 * host fails.
 */
@Injectable()
export class PtyHost {
  constructor(private readonly programs: WorkspacePrograms) {}

  /** Starts a shell. @throws DomainError `too_many_terminals` */
  async open(container: ProgramTarget, id: string, { columns, rows }: TerminalSize): Promise<PtyHostConnection> {
    for (let attempt = 1; ; attempt++) {
      const connection = await this.connect(container, 'open', { op: 'open', id, cols: columns, rows });
      if (connection !== undefined) return connection;
      if (attempt === OPEN_ATTEMPTS) throw unavailable('The terminals of the container cannot be reached.');
    }
  }

  /** @throws DomainError `terminal_not_found` */
  async attach(container: ProgramTarget, id: string): Promise<PtyHostConnection> {
    const connection = await this.connect(container, 'attach', { op: 'attach', id });
    if (connection === undefined) throw terminalNotFound(id);
    return connection;
  }

  async list(container: ProgramTarget): Promise<HostedTerminal[]> {
    const { connection, answer } = await this.ask(container, 'attach', { op: 'list' });
    connection.close();
    const terminals: unknown = answer?.['terminals'] ?? [];
    if (!Array.isArray(terminals) || terminals.length > MAX_LISTED)
      throw unavailable('The terminals of the container cannot be listed.');
    return terminals.map(toHostedTerminal);
  }

  /** Ends all processes in the terminal. @throws DomainError `terminal_not_found` */
  async end(container: ProgramTarget, id: string): Promise<void> {
    const connection = await this.connect(container, 'attach', { op: 'end', id });
    if (connection === undefined) throw terminalNotFound(id);
    connection.close();
  }

  /** @returns undefined when there is no PTY host, or no such terminal */
  private async connect(
    container: ProgramTarget,
    verb: Verb,
    request: PtyHostRequest,
  ): Promise<PtyHostConnection | undefined> {
    const { connection, answer } = await this.ask(container, verb, request);
    if (answer?.['ok'] === true) return connection;
    connection.close();
    if (answer === undefined || answer['error'] === 'terminal_not_found') return undefined;
    if (answer['error'] === 'too_many_terminals')
      throw new DomainError('too_many_terminals', 'The container has reached its limit of terminals: close one.');
    throw unavailable('No shell could be started in the container: it may be out of processes or memory.');
  }

  private async ask(
    container: ProgramTarget,
    verb: Verb,
    request: PtyHostRequest,
  ): Promise<{ connection: PtyHostConnection; answer: Record<string, unknown> | undefined }> {
    const connection = new PtyHostConnection(
      await this.programs.openFramed(container, 'devforge-terminal', PTY_HOST_FRAMES, { args: [verb] }),
    );
    try {
      const answer = await withTimeout(connection.ask(request), ANSWER_TIMEOUT_MS);
      if (answer === undefined) await this.requireNoHost(container, connection);
      return { connection, answer };
    } catch (error) {
      connection.close();
      throw error instanceof DriverError || error instanceof DomainError
        ? error
        : unavailable('The terminals of the container do not answer.');
    }
  }

  /** @throws DomainError when the program ended for another reason than that there is no PTY host */
  private async requireNoHost(container: ProgramTarget, { program }: PtyHostConnection): Promise<void> {
    const end = await program.end();
    if (isOutdated(end) || (end.exitCode !== NO_HOST && end.exitCode > HOST_ENDED))
      throw await this.programs.explain(container, program);
  }
}

export function terminalNotFound(id: string): DomainError {
  return new DomainError('terminal_not_found', `There is no terminal "${id}": it has ended, or never existed.`);
}

function unavailable(message: string): DomainError {
  return new DomainError('terminal_unavailable', message, { retryAfterSeconds: 1 });
}

/** Checks the description, which may come from anything in the container. */
function toHostedTerminal(given: unknown): HostedTerminal {
  const { id, cols, rows, title, startedAt, lastUsedAt } = (given ?? {}) as Record<string, unknown>;
  const [started, used] = [new Date(String(startedAt)), new Date(String(lastUsedAt))];
  if (
    typeof id !== 'string' ||
    id.length > MAX_ID_LENGTH ||
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
    title: typeof title === 'string' ? plainText(title, MAX_TITLE_LENGTH) : '',
    startedAt: started,
    lastUsedAt: used,
  };
}
