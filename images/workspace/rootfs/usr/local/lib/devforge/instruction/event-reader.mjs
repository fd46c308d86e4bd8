import { open } from 'node:fs/promises';

const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;
const LABEL = Buffer.from('E ');

/** Reads the complete lines of a growing events file, each once, beginning at an offset. */
export class EventReader {
  /** @type {import('node:fs/promises').FileHandle | null} */
  #file = null;
  #rest = Buffer.alloc(0);
  #path;
  #offset;

  /** @param {string} path @param {number} offset in bytes */
  constructor(path, offset) {
    this.#path = path;
    this.#offset = offset;
  }

  /** Writes the lines that are new since the last call, each with a label. @param {{ write(text: Buffer): Promise<void> }} output */
  async copyTo(output) {
    this.#file ??= await open(this.#path).catch(() => null);
    if (!this.#file) return;
    for (;;) {
      const { bytesRead, buffer } = await this.#file.read(
        Buffer.allocUnsafe(CHUNK),
        0,
        CHUNK,
        this.#offset + this.#rest.length,
      );
      if (bytesRead === 0) return;
      const text = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]);
      const end = text.lastIndexOf(NEWLINE) + 1;
      this.#rest = text.subarray(end);
      this.#offset += end;
      if (end > 0) await output.write(addLabels(text.subarray(0, end)));
    }
  }
}

/** @param {Buffer} lines */
function addLabels(lines) {
  const parts = [];
  for (let from = 0, end; from < lines.length; from = end) {
    end = lines.indexOf(NEWLINE, from) + 1;
    parts.push(LABEL, lines.subarray(from, end));
  }
  return Buffer.concat(parts);
}
