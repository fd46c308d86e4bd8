import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

const CHUNK = 256 * 1024;
const NEWLINE = Buffer.from('\n');

/** events.ndjson: whole lines, appended. Its line numbers are the events' `seq`. */
export class EventLog {
  /** Lines, and bytes up to the end of the last one. */
  count = 0;
  bytes = 0;

  /**
   * Opens the file and reads what an earlier runner left; a line that it did not finish is cut off.
   * @param {(line: Buffer, offset: number) => void} read each line and where it begins
   */
  constructor(file, read) {
    this.descriptor = openSync(file, 'a+', 0o600);
    if (fstatSync(this.descriptor).size > 0) this.#reread(read);
  }

  append(lines) {
    if (lines.length === 0) return;
    const text = Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
    for (let written = 0; written < text.length;) written += writeSync(this.descriptor, text, written);
    this.count += lines.length;
    this.bytes += text.length;
  }

  close() {
    closeSync(this.descriptor);
  }

  #reread(read) {
    const chunk = Buffer.alloc(CHUNK);
    let line = [];
    for (let at = 0, got; (got = readSync(this.descriptor, chunk, 0, CHUNK, at)) > 0; at += got) {
      let from = 0;
      for (let end; from < got && (end = chunk.subarray(0, got).indexOf(NEWLINE, from)) >= 0; from = end + 1) {
        line.push(Buffer.from(chunk.subarray(from, end)));
        read(Buffer.concat(line), this.bytes);
        line = [];
        this.count += 1;
        this.bytes = at + end + 1;
      }
      line.push(Buffer.from(chunk.subarray(from, got)));
    }
    if (fstatSync(this.descriptor).size > this.bytes) ftruncateSync(this.descriptor, this.bytes);
  }
}
