import { Duplex } from 'node:stream';
import type { WorkspaceProcess } from '../../drivers/workspace-process.js';

/** A process's output and input as one stream, which is gone when either of them is. */
export class ProcessStream extends Duplex {
  constructor(private readonly process: WorkspaceProcess) {
    super({ allowHalfOpen: false });
    process.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) process.stdout.pause();
    });
    process.stdout.once('end', () => this.push(null));
    for (const stream of [process.stdout, process.stdin]) {
      stream.once('error', (error: Error) => this.destroy(error));
      stream.once('close', () => this.destroy());
    }
  }

  override _read(): void {
    this.process.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.process.stdin.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.process.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.process.close();
    done(error);
  }
}
