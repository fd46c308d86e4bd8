import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

const CHUNK = 256 * 1024;
const NEWLINE = Buffer.from('\n');

/** events.ndjson: complete lines, only ever appended. The line number is the event's `seq`. */
export class EventLog {
  /** Number of lines. */
  count = 0;
  /** Size in bytes, up to the end of the last line. */
  bytes = 0;
  #descriptor;

  /**
   * Opens the file and reads the events of an earlier runner. A line that it did not complete is removed.
   * @param {string} file
   * @param {(line: Buffer, offset: number) => void} onLine called with each line and where it begins
   */
  constructor(file, onLine) {
    this.#descriptor = openSync(file, 'a+', 0o600);
    if (fstatSync(this.#descriptor).size > 0) this.#readExisting(onLine);
  }

  /** @param {Buffer[]} lines */
  append(lines) {
    if (lines.length === 0) return;
    const text = Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
    for (let written = 0; written < text.length;) written += writeSync(this.#descriptor, text, written);
    this.count += lines.length;
    this.bytes += text.length;
  }

  close() {
    closeSync(this.#descriptor);
  }

  /** @param {(line: Buffer, offset: number) => void} onLine */
  #readExisting(onLine) {
    const chunk = Buffer.alloc(CHUNK);
    /** @type {Buffer[]} */
    let line = [];
    for (let at = 0, got; (got = readSync(this.#descriptor, chunk, 0, CHUNK, at)) > 0; at += got) {
      let from = 0;
      for (let end; from < got && (end = chunk.subarray(0, got).indexOf(NEWLINE, from)) >= 0; from = end + 1) {
        line.push(Buffer.from(chunk.subarray(from, end)));
        onLine(Buffer.concat(line), this.bytes);
        line = [];
        this.count += 1;
        this.bytes = at + end + 1;
      }
      line.push(Buffer.from(chunk.subarray(from, got)));
    }
    if (fstatSync(this.#descriptor).size > this.bytes) ftruncateSync(this.#descriptor, this.bytes);
  }
}
