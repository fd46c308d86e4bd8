import { Duplex } from 'node:stream';
import type { ProgramProcess } from './program-process.js';

/** A program's output and input as one stream, which is closed when either of them is. */
export class ProgramStream extends Duplex {
  private isReading = false;

  constructor(private readonly program: ProgramProcess) {
    super({ allowHalfOpen: false });
    program.stdin.once('error', (error: Error) => this.destroy(error));
    program.stdin.once('close', () => this.destroy());
  }

  override _read(): void {
    if (!this.isReading) void this.pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.program.stdin.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.program.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.program.close();
    done(error);
  }

  /** Reads until there is enough, or the program has ended. */
  private async pump(): Promise<void> {
    this.isReading = true;
    try {
      let chunk = await this.program.read();
      while (chunk !== null && this.push(chunk)) chunk = await this.program.read();
      if (chunk === null) this.push(null);
      this.isReading = false;
    } catch (error) {
      this.destroy(error as Error);
    }
  }
}
