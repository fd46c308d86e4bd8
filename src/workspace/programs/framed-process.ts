import { once } from 'node:events';
import type { WorkspaceProcess } from '../../drivers/workspace-process.js';
import { type Frame, frameHeader, FrameParser } from './frame-parser.js';

/** How much of what is no frame is kept, to tell what went wrong. */
const MOST_LAST_WORDS = 4_096;

/** Bytes that may wait for the program. A stream's own limit is so low that each side would wait for the other all the time. */
const MOST_ON_THE_WAY = 512 * 1024;

/** The kinds of frames that a program sends: those wanted in one piece, and those of which pieces will do. */
export interface FrameKinds {
  whole: string;
  streamed: string;
}

/** Talks in frames with a program of DevForge's own in a container. The program ends when its input does. */
export class FramedProcess {
  private readonly parser: FrameParser;
  private readonly chunks: AsyncIterator<Buffer>;
  private readonly ended = new AbortController();
  private frames: Frame[] = [];
  private words = '';
  private makesSense = true;

  constructor(
    private readonly process: WorkspaceProcess,
    { whole, streamed }: FrameKinds,
  ) {
    this.parser = new FrameParser(whole, streamed);
    this.chunks = process.stdout.iterator() as AsyncIterator<Buffer>;
    process.stderr.on('data', (chunk: Buffer) => this.note(chunk));
    const end = (): void => this.ended.abort();
    process.exit.then(end, end);
    process.stdin.once('close', end);
  }

  /** The exit code. @throws DriverError as the process does */
  get exit(): Promise<number> {
    return this.process.exit;
  }

  /** Whether the program has ended, or was let go of. */
  get isOver(): boolean {
    return this.ended.signal.aborted;
  }

  /** What it wrote besides frames: the words of the program, or of the engine that could not start it. */
  get lastWords(): string {
    return this.words.trim();
  }

  /**
   * The next frame, or null when the program has ended.
   * @throws DriverError when the engine or the caller let go
   */
  async next(): Promise<Frame | null> {
    while (this.frames.length === 0) {
      const { value, done } = await this.chunks.next();
      if (done === true) return null;
      this.read(value);
    }
    return this.frames.shift()!;
  }

  /** Sends a frame and waits for a slow program. One that has ended is sent nothing. */
  async send(kind: string, payload: Buffer = Buffer.alloc(0)): Promise<void> {
    const { stdin } = this.process;
    if (this.isOver || !stdin.writable) return;
    stdin.cork();
    stdin.write(frameHeader(kind, payload.length));
    if (payload.length > 0) stdin.write(payload);
    stdin.uncork();
    if (stdin.writableLength < MOST_ON_THE_WAY) return;
    try {
      await once(stdin, 'drain', { signal: this.ended.signal });
    } catch (error) {
      // Whoever reads its frames learns why.
      if (!this.isOver) throw error;
    }
  }

  close(): void {
    this.ended.abort();
    this.process.close();
  }

  /** Lets go once the signal aborts, or now if it has. */
  closeOn(signal: AbortSignal): void {
    if (signal.aborted) this.close();
    else signal.addEventListener('abort', () => this.close(), { once: true, signal: this.ended.signal });
  }

  private read(chunk: Buffer): void {
    if (!this.makesSense) return this.note(chunk);
    try {
      this.frames = this.parser.push(chunk);
    } catch {
      this.makesSense = false;
      this.note(chunk);
    }
  }

  private note(chunk: Buffer): void {
    if (this.words.length < MOST_LAST_WORDS) this.words += chunk.toString('utf8', 0, MOST_LAST_WORDS);
  }
}
