import type { Readable, Writable } from 'node:stream';
import { frameHeader, FrameParser } from '../../src/workspace/programs/frame-parser.js';

/** A program's output without its first line, in which it names itself and its protocol version. */
export function withoutGreeting(output: string): string {
  return output.replace(/^devforge-[a-z]+ \d+\n/, '');
}

/** Resolves once a program has written more than its greeting. */
export function pastGreeting(stdout: Readable): Promise<void> {
  return new Promise((resolve) => {
    let output = '';
    stdout.on('data', function read(chunk: Buffer | string) {
      output += String(chunk);
      if (withoutGreeting(output) === '') return;
      stdout.off('data', read);
      resolve();
    });
  });
}

/** What the engine writes in place of a program that the image does not have, which then exits with 126 or 127. */
export const NO_SUCH_PROGRAM =
  'OCI runtime exec failed: exec failed: unable to start container process: exec: "devforge": stat devforge: no such file or directory: unknown\r\n';

/** Plays a program of DevForge's in a container that speaks frames; without a greeting, unless `greet` is called first. */
export class FakeProgram {
  private readonly parser = new FrameParser('RJDE', '');
  private readonly frames: { kind: string; text: string }[] = [];
  private readonly chunks: AsyncIterator<Buffer>;

  constructor(private readonly side: { stdin: Readable; stdout: Writable }) {
    this.chunks = side.stdin.iterator() as AsyncIterator<Buffer>;
  }

  /** The next frame, its kind before its text; null when its input has ended. */
  async receive(): Promise<string | null> {
    while (this.frames.length === 0) {
      const { value, done } = await this.chunks.next();
      if (done === true) return null;
      this.frames.push(...this.parser.push(value).map(({ kind, data }) => ({ kind, text: data.toString('utf8') })));
    }
    const { kind, text } = this.frames.shift()!;
    return `${kind}${text}`;
  }

  greet(program: string, version: number): void {
    this.side.stdout.write(`${program} ${version}\n`);
  }

  send(kind: string, content: string | Buffer | object = ''): void {
    const payload = Buffer.isBuffer(content)
      ? content
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    this.side.stdout.write(Buffer.concat([frameHeader(kind, payload.length), payload]));
  }
}
