import type { Readable, Writable } from 'node:stream';
import { frameHeader, FrameParser } from '../../src/workspace/programs/frame-parser.js';

/** Plays a program of DevForge's in a container: what it is told, and what it says. */
export class PlayedTool {
  private readonly parser = new FrameParser('RJDE', '');
  private readonly frames: { kind: string; text: string }[] = [];
  private readonly chunks: AsyncIterator<Buffer>;

  constructor(private readonly side: { stdin: Readable; stdout: Writable }) {
    this.chunks = side.stdin.iterator() as AsyncIterator<Buffer>;
  }

  /** The next frame, its kind before its text; null when its input has ended. */
  async hear(): Promise<string | null> {
    while (this.frames.length === 0) {
      const { value, done } = await this.chunks.next();
      if (done === true) return null;
      this.frames.push(...this.parser.push(value).map(({ kind, data }) => ({ kind, text: data.toString('utf8') })));
    }
    const { kind, text } = this.frames.shift()!;
    return `${kind}${text}`;
  }

  say(kind: string, content: string | Buffer | object = ''): void {
    const payload = Buffer.isBuffer(content)
      ? content
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    this.side.stdout.write(Buffer.concat([frameHeader(kind, payload.length), payload]));
  }
}
