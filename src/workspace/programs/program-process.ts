import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { plainTail } from '../../common/plain-text.js';
import type { WorkspaceProcess } from '../../drivers/workspace-process.js';
import type { DomainError } from '../../common/errors/domain-error.js';
import { byteLines, LineTooLongError } from '../../common/bytes/byte-lines.js';
import { GreetingReader, SILENT_VERSION } from './greeting.js';
import { outputLimitExceeded, type ProgramEnd, requireVersion } from './program-failure.js';
import type { WorkspaceProgram } from './programs.js';

/** Characters. */
const MAX_STDERR_TAIL = 4_096;
/** Of one program, however long it runs. */
const MAX_STDERR_BYTES = 16 * 1024 * 1024;

/** A program of the image that runs in a workspace. It ends when its input does. Its greeting is taken off its output. */
export class ProgramProcess {
  private readonly greeting: GreetingReader;
  private readonly ended = new AbortController();
  private chunks: AsyncIterator<Buffer> | undefined;
  private tail = '';
  private stderrBytes = 0;
  private failure: DomainError | undefined;
  private draining: Promise<void> | undefined;

  /** @param needs the lowest protocol version that can do what is asked of it */
  constructor(
    protected readonly process: WorkspaceProcess,
    readonly program: WorkspaceProgram,
    readonly needs: number = SILENT_VERSION,
  ) {
    this.greeting = new GreetingReader(program);
    process.stderr.on('data', (chunk: Buffer) => this.receiveStderr(chunk));
    process.stderr.on('error', () => undefined);
    const end = (): void => this.ended.abort();
    process.exit.then(end, end);
    // An input that was ended on purpose leaves the program running.
    process.stdin.once('close', () => process.stdin.writableFinished || end());
  }

  get stdin(): Writable {
    return this.process.stdin;
  }

  /** Its protocol version; 1 as long as it has written nothing. */
  get version(): number {
    return this.greeting.version;
  }

  /** Whether the program has ended, or was closed. */
  get isOver(): boolean {
    return this.ended.signal.aborted;
  }

  /** The end of what it wrote to stderr, and of stdout what is not its protocol: also the engine reports there why it cannot start it. */
  get stderrTail(): string {
    return plainTail(this.tail, MAX_STDERR_TAIL).trim();
  }

  /**
   * The next piece of its output, or null when the program has ended.
   * @throws DriverError when the engine dropped the connection or the process was closed
   * @throws DomainError `image_outdated` when the program is of a lower version than needed, `output_limit_exceeded`
   */
  async read(): Promise<Buffer | null> {
    this.chunks ??= this.process.stdout.iterator() as AsyncIterator<Buffer>;
    for (;;) {
      const { value, done } = await this.chunks.next().catch((error: unknown) => {
        throw this.failure ?? error;
      });
      if (this.failure !== undefined) throw this.failure;
      const data = done === true ? this.greeting.end() : this.greeting.push(value);
      if (data.length > 0 || this.greeting.version > SILENT_VERSION) requireVersion(this);
      if (data.length > 0) return data;
      if (done === true) return null;
    }
  }

  /** How it ended. @throws DriverError as the process does */
  async end(): Promise<ProgramEnd> {
    const exitCode = await this.process.exit;
    const { program, stderrTail, version, needs } = this;
    return { program, exitCode, stderrTail, version, needs };
  }

  /** Its output, piece by piece. @throws as {@link read} */
  async *output(): AsyncGenerator<Buffer> {
    for (let data = await this.read(); data !== null; data = await this.read()) yield data;
  }

  /** Its output in batches of lines. @throws as {@link read}, and DomainError `output_limit_exceeded` for a longer line */
  async *lines(maxLineBytes: number): AsyncGenerator<Buffer[]> {
    try {
      yield* byteLines(this.output(), maxLineBytes);
    } catch (error) {
      if (!(error instanceof LineTooLongError)) throw error;
      throw outputLimitExceeded(this.program, error.message, error);
    }
  }

  /** Keeps output that is not of the program's protocol, to report it. */
  note(text: Buffer): void {
    this.tail = (this.tail + text.toString('utf8')).slice(-MAX_STDERR_TAIL);
  }

  /** Closes it; {@link read} throws the error. */
  protected fail(error: DomainError): void {
    this.failure ??= error;
    this.close();
  }

  private receiveStderr(chunk: Buffer): void {
    this.stderrBytes += chunk.length;
    this.note(chunk);
    if (this.stderrBytes > MAX_STDERR_BYTES)
      this.fail(outputLimitExceeded(this.program, `more than ${MAX_STDERR_BYTES} bytes of errors`));
  }

  /** Ends its input and drops its output; the program itself ends by that. */
  close(): void {
    this.ended.abort();
    this.process.close();
  }

  /** Closes it when the signal aborts, or now if it has. */
  closeOn(signal: AbortSignal): void {
    if (signal.aborted) this.close();
    else signal.addEventListener('abort', () => this.close(), { once: true, signal: this.ended.signal });
  }

  /** Resolves once the input has room, or the program is over. Callers may wait at the same time. */
  protected drained(): Promise<void> {
    this.draining ??= this.waitForDrain().finally(() => (this.draining = undefined));
    return this.draining;
  }

  private async waitForDrain(): Promise<void> {
    try {
      await once(this.process.stdin, 'drain', { signal: this.ended.signal });
    } catch (error) {
      // Why it ended is reported by its output.
      if (!this.isOver) throw error;
    }
  }
}
