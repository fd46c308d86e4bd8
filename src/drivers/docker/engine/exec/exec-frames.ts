const HEADER_BYTES = 8;
const STDERR = 2;

export interface ExecFrame {
  stream: 'stdout' | 'stderr';
  data: Buffer;
}

/** Takes the engine's multiplexed stream of a command apart, without copying what the command wrote. */
export class ExecFrames {
  private header = Buffer.alloc(0);
  private stream: ExecFrame['stream'] = 'stdout';
  /** Bytes that the present frame still has to give. */
  private missing = 0;

  /** @returns what the chunk holds of each stream, in order; a frame may come in pieces */
  push(chunk: Buffer): ExecFrame[] {
    const frames: ExecFrame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.missing === 0) {
        at = this.readHeader(chunk, at);
        continue;
      }
      const data = chunk.subarray(at, at + this.missing);
      frames.push({ stream: this.stream, data });
      this.missing -= data.length;
      at += data.length;
    }
    return frames;
  }

  private readHeader(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + HEADER_BYTES - this.header.length);
    this.header = Buffer.concat([this.header, chunk.subarray(at, end)]);
    if (this.header.length === HEADER_BYTES) {
      this.stream = this.header[0] === STDERR ? 'stderr' : 'stdout';
      this.missing = this.header.readUInt32BE(4);
      this.header = Buffer.alloc(0);
    }
    return end;
  }
}
