const NEWLINE = 0x0a;
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Splits a stream of bytes into lines. A line of more than 16 MiB is replaced by an event that reports its length. */
export class LineSplitter {
  /** @type {Buffer[]} */
  #parts = [];
  #length = 0;

  /** @param {Buffer} chunk @returns {Buffer[]} the lines that are complete now, without line ends and empty lines */
  push(chunk) {
    const lines = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#add(chunk.subarray(from, end));
      const line = this.#take();
      if (line.length > 0) lines.push(line);
      from = end + 1;
    }
    this.#add(chunk.subarray(from));
    return lines;
  }

  /** The last line, if the stream has ended without a line end. */
  rest() {
    return this.#take();
  }

  /** @param {Buffer} part */
  #add(part) {
    this.#length += part.length;
    if (this.#length > MAX_LINE_BYTES) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #take() {
    const line = this.#length > MAX_LINE_BYTES ? lineTooLong(this.#length) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}

/** @param {number} bytes */
function lineTooLong(bytes) {
  return Buffer.from(JSON.stringify({ type: 'devforge', subtype: 'line_too_long', bytes }));
}

/** Returns `null` for a line that is not JSON. @param {Buffer} line @returns {import('./conversation.mjs').CliEvent | null} */
export function parseEvent(line) {
  try {
    return JSON.parse(line.toString());
  } catch {
    return null;
  }
}
