import type { WorkspaceProcess } from '../../drivers/workspace-process.js';
import { type Frame, frameHeader, FrameParser } from './frame-parser.js';
import { outputLimitExceeded } from './program-failure.js';
import { ProgramProcess } from './program-process.js';
import type { WorkspaceProgram } from './programs.js';

/** Bytes that may be on their way to the program. With a stream's own, low limit each side would wait for the other all the time. */
const MAX_PENDING_INPUT = 512 * 1024;
/** Enough for the report of an engine that cannot start the program. */
const MAX_UNFRAMED_BYTES = 64 * 1024;

/** The kinds of frames that a program sends: those to be given whole, and those to be given in pieces as they arrive. */
export interface FrameKinds {
  whole: string;
  streamed: string;
  /** The longest payload of a frame that is given whole; 4 MiB by default. */
  maxWholeBytes?: number;
}

/** A program that is spoken with in frames. */
export class FramedProgram extends ProgramProcess {
  private readonly parser: FrameParser;
  private frames: Frame[] = [];
  private isFramed = true;
  private unframedBytes = 0;

  constructor(process: WorkspaceProcess, program: WorkspaceProgram, kinds: FrameKinds, needs?: number) {
    super(process, program, needs);
    this.parser = new FrameParser(kinds.whole, kinds.streamed, kinds.maxWholeBytes);
  }

  /**
   * The next frame, or null when the program has ended.
   * @throws as {@link read}, and DomainError `output_limit_exceeded` when it goes on to write something else than frames
   */
  async next(): Promise<Frame | null> {
    while (this.frames.length === 0) {
      const chunk = await this.read();
      if (chunk === null) return null;
      this.parse(chunk);
    }
    return this.frames.shift()!;
  }

  /** Sends a frame and waits while the program is slow. Nothing is sent to one that has ended. */
  async send(kind: string, payload: Buffer = Buffer.alloc(0)): Promise<void> {
    const { stdin } = this;
    if (this.isOver || !stdin.writable) return;
    stdin.cork();
    stdin.write(frameHeader(kind, payload.length));
    if (payload.length > 0) stdin.write(payload);
    stdin.uncork();
    if (stdin.writableLength >= MAX_PENDING_INPUT) await this.drained();
  }

  private parse(chunk: Buffer): void {
    if (!this.isFramed) return this.noteUnframed(chunk);
    try {
      this.frames = this.parser.push(chunk);
    } catch {
      this.isFramed = false;
      this.noteUnframed(chunk);
    }
  }

  private noteUnframed(chunk: Buffer): void {
    this.note(chunk);
    this.unframedBytes += chunk.length;
    if (this.unframedBytes > MAX_UNFRAMED_BYTES)
      this.fail(outputLimitExceeded(this.program, 'more than its protocol allows'));
  }
}
