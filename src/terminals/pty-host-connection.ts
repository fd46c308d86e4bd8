import { DriverError } from '../drivers/driver-error.js';
import type { TerminalSize } from '../drivers/workspace-process.js';
import type { FramedProgram } from '../workspace/programs/framed-program.js';
import { InputQueue } from './input-queue.js';
import { CONTROL, DATA, type PtyHostMessage, type PtyHostRequest, toPtyHostMessage } from './terminal-frames.js';

/** What happens in a terminal, in order. */
export type TerminalEvent =
  | { kind: 'output'; text: string }
  /** Draws the screen as it is between the output before and after, on a terminal that has just been reset. */
  | { kind: 'screen'; text: string; size: TerminalSize }
  | { kind: 'resized'; size: TerminalSize }
  | { kind: 'exit'; exitCode: number };

/** A connection to a container's PTY host. */
export class PtyHostConnection {
  private readonly inputs = new InputQueue(
    (bytes) => this.send(DATA, bytes),
    () => this.program.stdin.writableLength,
  );

  constructor(readonly program: FramedProgram) {}

  /**
   * @returns the PTY host's answer, or undefined when the program ended without one
   * @throws DriverError
   */
  async ask(request: PtyHostRequest): Promise<Record<string, unknown> | undefined> {
    this.send(CONTROL, JSON.stringify(request));
    const answer = await this.next();
    if (answer === undefined) return undefined;
    if (answer.kind !== 'control') throw new DriverError('failed', 'the PTY host did not answer the request');
    return answer.message;
  }

  /** Events from now on; the terminal waits for a slow reader. @throws DriverError when the connection breaks */
  async *events(): AsyncGenerator<TerminalEvent> {
    try {
      for (let message = await this.next(); message !== undefined; message = await this.next()) {
        if (message.kind !== 'control') yield message;
        else if (message.message['event'] === 'taken') this.inputs.acknowledge(message.message['bytes']);
        else yield* toEvent(message.message);
      }
    } finally {
      this.inputs.close();
    }
  }

  /**
   * Sends input as fast as the shell reads it.
   * @returns whether all of it was sent before the connection ended; undefined, and sends nothing, when the shell has not
   *   read enough of what was sent before
   */
  input(data: string): Promise<boolean> | undefined {
    return this.inputs.add(Buffer.from(data));
  }

  request(request: Extract<PtyHostRequest, { op: 'resize' | 'screen' | 'end' }>): void {
    this.send(CONTROL, JSON.stringify(request));
  }

  /** Closes the connection; the terminal goes on. */
  close(): void {
    this.inputs.close();
    this.program.close();
  }

  /** A connection that broke is reported to the reader. */
  private send(kind: string, body: string | Buffer): void {
    this.program.send(kind, typeof body === 'string' ? Buffer.from(body) : body).catch(() => undefined);
  }

  private async next(): Promise<PtyHostMessage | undefined> {
    const frame = await this.program.next();
    return frame === null ? undefined : toPtyHostMessage(frame);
  }
}

function* toEvent(message: Record<string, unknown>): Generator<TerminalEvent> {
  const { event, cols, rows, exitCode } = message;
  if (event === 'resized' && Number.isInteger(cols) && Number.isInteger(rows))
    yield { kind: 'resized', size: { columns: cols as number, rows: rows as number } };
  if (event === 'exit' && Number.isInteger(exitCode)) yield { kind: 'exit', exitCode: exitCode as number };
}
