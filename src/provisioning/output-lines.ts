import { StringDecoder } from 'node:string_decoder';

/** The lines of an output that comes in chunks; a carriage return ends one too, since programs overwrite lines by it. */
export class OutputLines {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  /** @param maxLength in characters; only the end of a line that is not complete yet is kept */
  constructor(private readonly maxLength: number) {}

  /** @returns the lines that the chunk completes, empty ones among them */
  read(chunk: Buffer): string[] {
    const lines = (this.rest + this.decoder.write(chunk)).split(/[\r\n]/);
    this.rest = (lines.pop() ?? '').slice(-this.maxLength);
    return lines;
  }
}
