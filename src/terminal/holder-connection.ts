import { type RuntimeProcess, RuntimeError, type TerminalSize } from '../runtime/container-runtime.js';
import { type HolderFrame, HolderFrames, type HolderRequest, inputFrame, requestFrame } from './terminal-frames.js';

/** What happens in a terminal, in its order. */
export type TerminalEvent =
  | { kind: 'output'; text: string }
  /** What draws the screen as it is between the output before and after, on a terminal that has just been reset. */
  | { kind: 'screen'; text: string; size: TerminalSize }
  | { kind: 'resized'; size: TerminalSize }
  | { kind: 'exit'; exitCode: number };

/** Input on its way to a program. The holder tells in larger steps how much has been taken. */
const MOST_UNDERWAY_BYTES = 1024 * 1024;
const LONGEST_COMPLAINT = 500;

/** A conversation with the holder of a container's terminals. */
export class HolderConnection {
  private readonly frames: AsyncGenerator<HolderFrame>;
  private underway = 0;
  private complaint = '';

  constructor(private readonly process: RuntimeProcess) {
    process.stderr.on('data', (chunk: Buffer) => (this.complaint = (this.complaint + chunk.toString('utf8')).slice(-LONGEST_COMPLAINT)));
    process.stdin.on('error', () => undefined);
    this.frames = readFrames(process);
  }

  /** Resolves with its exit code when the conversation has ended, and what it complained about. */
  async ended(): Promise<{ exitCode: number; complaint: string }> {
    return { exitCode: await this.process.exit, complaint: this.complaint.trim() };
  }

  /**
   * @returns the holder's answer, or undefined when there is none
   * @throws RuntimeError
   */
  async ask(request: HolderRequest): Promise<Record<string, unknown> | undefined> {
    this.process.stdin.write(requestFrame(request));
    const { value } = (await this.frames.next()) as IteratorResult<HolderFrame, undefined>;
    if (value === undefined) return undefined;
    if (value.kind !== 'control') throw new RuntimeError('failed', 'the holder of the terminals did not answer what it was asked');
    return value.message;
  }

  /** What happens from now on; the terminal waits for a reader that does not. @throws RuntimeError when the connection breaks */
  async *events(): AsyncGenerator<TerminalEvent> {
    for await (const frame of this.frames) {
      if (frame.kind !== 'control') yield frame;
      else if (frame.message['event'] === 'taken') this.underway -= Number(frame.message['bytes']) || 0;
      else yield* toEvent(frame.message);
    }
  }

  /** @returns false, and sends nothing, when a program has not taken what was sent before */
  input(data: string): boolean {
    const bytes = Buffer.from(data);
    if (this.underway + bytes.length > MOST_UNDERWAY_BYTES) return false;
    this.underway += bytes.length;
    this.process.stdin.write(inputFrame(bytes));
    return true;
  }

  request(request: Extract<HolderRequest, { op: 'resize' | 'screen' | 'end' }>): void {
    this.process.stdin.write(requestFrame(request));
  }

  /** The terminal goes on. */
  close(): void {
    this.process.close();
  }
}

async function* readFrames(process: RuntimeProcess): AsyncGenerator<HolderFrame> {
  const frames = new HolderFrames();
  for await (const chunk of process.stdout as AsyncIterable<Buffer>) yield* frames.push(chunk);
}

function* toEvent(message: Record<string, unknown>): Generator<TerminalEvent> {
  const { event, cols, rows, exitCode } = message;
  if (event === 'resized' && Number.isInteger(cols) && Number.isInteger(rows)) yield { kind: 'resized', size: { columns: cols as number, rows: rows as number } };
  if (event === 'exit' && Number.isInteger(exitCode)) yield { kind: 'exit', exitCode: exitCode as number };
}
