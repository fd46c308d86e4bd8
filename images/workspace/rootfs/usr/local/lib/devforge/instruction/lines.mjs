const NEWLINE = 0x0a;
const LONGEST = 16 * 1024 * 1024;

/** Cuts a stream of bytes into whole lines. One beyond 16 MiB is replaced by an event that says so. */
export class Lines {
  #parts = [];
  #length = 0;

  /** @returns {Buffer[]} the lines that are whole now, without their ends and without empty ones */
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

  /** What is left when the stream has ended without an end of line. */
  rest() {
    return this.#take();
  }

  #add(part) {
    this.#length += part.length;
    if (this.#length > LONGEST) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #take() {
    const line = this.#length > LONGEST ? tooLong(this.#length) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}

function tooLong(bytes) {
  return Buffer.from(JSON.stringify({ type: 'devforge', subtype: 'line_too_long', bytes }));
}

/** An event of the CLI; `null` for a line that is none. */
export function parseEvent(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
