import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { WorkspaceProcess } from '../../drivers/workspace-process.js';
import { GreetingReader, SILENT_VERSION } from './greeting.js';
import { type ProgramEnd, requireVersion } from './program-failure.js';
import type { WorkspaceProgram } from './programs.js';

/** Characters. */
const MAX_STDERR_TAIL = 4_096;

/** A program of the image that runs in a workspace. It ends when its input does. Its greeting is taken off its output. */
export class ProgramProcess {
  private readonly greeting: GreetingReader;
  private readonly ended = new AbortController();
  private chunks: AsyncIterator<Buffer> | undefined;
  private tail = '';

  /** @param needs the lowest protocol version that can do what is asked of it */
  constructor(
    protected readonly process: WorkspaceProcess,
    readonly program: WorkspaceProgram,
    readonly needs: number = SILENT_VERSION,
  ) {
    this.greeting = new GreetingReader(program);
    process.stderr.on('data', (chunk: Buffer) => this.note(chunk));
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

  /** Aborts when the program has ended, or was closed. */
  protected get over(): AbortSignal {
    return this.ended.signal;
  }

  /** The end of what it wrote to stderr, and of stdout what is not its protocol: also the engine reports there why it cannot start it. */
  get stderrTail(): string {
    return this.tail.trim();
  }

  /**
   * The next piece of its output, or null when the program has ended.
   * @throws DriverError when the engine dropped the connection or the process was closed
   * @throws DomainError `image_outdated` when the program is of a lower version than needed
   */
  async read(): Promise<Buffer | null> {
    this.chunks ??= this.process.stdout.iterator() as AsyncIterator<Buffer>;
    for (;;) {
      const { value, done } = await this.chunks.next();
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

  /** Keeps output that is not of the program's protocol, to report it. */
  note(text: Buffer): void {
    this.tail = (this.tail + text.toString('utf8')).slice(-MAX_STDERR_TAIL);
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

  /** Resolves once the input has room. */
  protected async drained(): Promise<void> {
    try {
      await once(this.process.stdin, 'drain', { signal: this.ended.signal });
    } catch (error) {
      // Why it ended is reported by its output.
      if (!this.isOver) throw error;
    }
  }
}
