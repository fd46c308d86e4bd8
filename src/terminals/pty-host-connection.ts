import { DriverError } from '../drivers/driver-error.js';
import type { WorkspaceProcess, TerminalSize } from '../drivers/workspace-process.js';
import { FramedProcess } from '../workspace/programs/framed-process.js';
import {
  CONTROL,
  DATA,
  PTY_HOST_FRAMES,
  type PtyHostMessage,
  type PtyHostRequest,
  toPtyHostMessage,
} from './terminal-frames.js';

/** What happens in a terminal, in its order. */
export type TerminalEvent =
  | { kind: 'output'; text: string }
  /** What draws the screen as it is between the output before and after, on a terminal that has just been reset. */
  | { kind: 'screen'; text: string; size: TerminalSize }
  | { kind: 'resized'; size: TerminalSize }
  | { kind: 'exit'; exitCode: number };

/** Input on its way to a program. The holder tells in larger steps how much has been taken. */
const MOST_UNDERWAY_BYTES = 1024 * 1024;

/** A conversation with the holder of a container's terminals. */
export class PtyHostConnection {
  private readonly process: FramedProcess;
  private underway = 0;

  constructor(process: WorkspaceProcess) {
    this.process = new FramedProcess(process, PTY_HOST_FRAMES);
  }

  /** Resolves when the conversation has ended, with its exit code and what was said besides. */
  async ended(): Promise<{ exitCode: number; lastWords: string }> {
    return { exitCode: await this.process.exit, lastWords: this.process.lastWords };
  }

  /**
   * @returns the holder's answer, or undefined when there is none
   * @throws DriverError
   */
  async ask(request: PtyHostRequest): Promise<Record<string, unknown> | undefined> {
    this.send(CONTROL, JSON.stringify(request));
    const answer = await this.next();
    if (answer === undefined) return undefined;
    if (answer.kind !== 'control')
      throw new DriverError('failed', 'the holder of the terminals did not answer what it was asked');
    return answer.message;
  }

  /** What happens from now on; the terminal waits for a reader that does not. @throws DriverError when the connection breaks */
  async *events(): AsyncGenerator<TerminalEvent> {
    for (let message = await this.next(); message !== undefined; message = await this.next()) {
      if (message.kind !== 'control') yield message;
      else if (message.message['event'] === 'taken') this.underway -= Number(message.message['bytes']) || 0;
      else yield* toEvent(message.message);
    }
  }

  /** @returns false, and sends nothing, when a program has not taken what was sent before */
  input(data: string): boolean {
    const bytes = Buffer.from(data);
    if (this.underway + bytes.length > MOST_UNDERWAY_BYTES) return false;
    this.underway += bytes.length;
    this.send(DATA, bytes);
    return true;
  }

  request(request: Extract<PtyHostRequest, { op: 'resize' | 'screen' | 'end' }>): void {
    this.send(CONTROL, JSON.stringify(request));
  }

  /** The terminal goes on. */
  close(): void {
    this.process.close();
  }

  /** Whoever reads learns of a connection that broke. What is under way is bounded by what the holder has taken. */
  private send(kind: string, body: string | Buffer): void {
    this.process.send(kind, typeof body === 'string' ? Buffer.from(body) : body).catch(() => undefined);
  }

  private async next(): Promise<PtyHostMessage | undefined> {
    const frame = await this.process.next();
    return frame === null ? undefined : toPtyHostMessage(frame);
  }
}

function* toEvent(message: Record<string, unknown>): Generator<TerminalEvent> {
  const { event, cols, rows, exitCode } = message;
  if (event === 'resized' && Number.isInteger(cols) && Number.isInteger(rows))
    yield { kind: 'resized', size: { columns: cols as number, rows: rows as number } };
  if (event === 'exit' && Number.isInteger(exitCode)) yield { kind: 'exit', exitCode: exitCode as number };
}
