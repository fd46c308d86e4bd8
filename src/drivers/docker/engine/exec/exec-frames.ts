const HEADER_BYTES = 8;
const STDERR = 2;

export interface ExecFrame {
  stream: 'stdout' | 'stderr';
  data: Buffer;
}

/** Demultiplexes the engine's stream of a command's outputs, without copying them. */
export class ExecFrames {
  private header = Buffer.alloc(0);
  private stream: ExecFrame['stream'] = 'stdout';
  /** Bytes of the current frame still to come. */
  private missing = 0;

  /** @returns the chunk's data by stream, in order; a frame may arrive in pieces */
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
